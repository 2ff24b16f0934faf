"""Submitting over HTTP: what is answered, what a key repeats, what is refused and leaves no trace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import orjson

from tests.api.conftest import Hire, Person

PATH = "/v1/executions"
JSON = {"Content-Type": "application/json"}
GOOD = {"prompt": "Say something."}


async def count(owner: Any) -> int:
    return await owner.fetchval("SELECT count(*) FROM executions")


async def test_a_submitted_job_is_accepted_with_its_place_its_etag_and_when_to_look_again(
    caster: Person, owner: Any
) -> None:
    answer = await caster.http.post(PATH, json=GOOD)

    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"{PATH}/{job['id']}"
    assert answer.headers["etag"].startswith('"1.')
    assert answer.headers["retry-after"] == "1"
    assert (job["kind"], job["phase"], job["status"], job["version"]) == ("execution", "queued", "PENDING", 1)
    assert job["user_id"] == str(caster.user_id)
    assert job["model"] == "offline/extract"
    assert not {"idempotency_key", "request_digest", "lease_owner", "lease_expires_at"} & set(job)
    row = await owner.fetchrow("SELECT * FROM executions")
    assert row["status_actor"] == f"key:{caster.key_id}"
    assert row["deadline_at"] - row["scheduled_at"] == timedelta(hours=24, seconds=600)
    read = await caster.http.get(answer.headers["location"])
    assert read.headers["etag"] == answer.headers["etag"]


async def test_camel_case_and_snake_case_requests_make_the_same_row(caster: Person, owner: Any) -> None:
    snake = {
        "prompt": "p", "model": "offline/extract", "max_tokens": 7, "metadata": {"a": 1}, "timeout_seconds": 60,
        "callback_url": "https://example.com/hook", "scheduled_at": "2026-11-22T08:00:00+02:00", "priority": 5,
        "max_attempts": 2, "retain_until": "2090-01-01T00:00:00Z", "is_permanent": True,
        "resources": {"cpu": "500m", "ephemeral_storage": "1Gi"},
    }  # fmt: skip
    due = (await owner.fetchval("SELECT now()") + timedelta(days=1)).isoformat()
    camel = {
        "prompt": "p", "model": "offline/extract", "maxTokens": 7, "metadata": {"a": 1}, "timeout": 60,
        "callbackUrl": "https://example.com/hook", "scheduledAt": due, "priority": 5, "maxAttempts": 2,
        "retainUntil": "2090-01-01T00:00:00Z", "isPermanent": True,
        "resources": {"cpu": "500m", "ephemeralStorage": "1Gi"},
    }  # fmt: skip

    first = await caster.http.post(PATH, json={**snake, "scheduled_at": due})
    second = await caster.http.post(PATH, json=camel)

    assert (first.status_code, second.status_code) == (202, 202), (first.text, second.text)
    own = {"id", "job_name", "created_at", "updated_at", "deadline_at"}
    assert {k: v for k, v in first.json().items() if k not in own} == {
        k: v for k, v in second.json().items() if k not in own
    }
    assert datetime.fromisoformat(first.json()["scheduled_at"]) == datetime.fromisoformat(due)


async def test_the_same_key_and_request_answer_the_same_job_and_another_request_is_refused(
    caster: Person, hire: Hire, owner: Any
) -> None:
    key = {"Idempotency-Key": "one order"}
    first = await caster.http.post(PATH, json=GOOD, headers=key)
    again = await caster.http.post(PATH, json=GOOD, headers=key)
    other = await caster.http.post(PATH, json={"prompt": "Something else."}, headers=key)
    stranger = await (await hire()).http.post(PATH, json=GOOD, headers=key)

    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert again.json()["id"] == first.json()["id"]
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert stranger.status_code == 202
    assert await count(owner) == 2


async def test_two_requests_with_one_key_at_the_same_time_make_one_job(caster: Person, owner: Any) -> None:
    key = {"Idempotency-Key": "at once"}

    answers = await asyncio.gather(*(caster.http.post(PATH, json=GOOD, headers=key) for _ in range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await count(owner) == 1


async def test_blanks_around_an_idempotency_key_are_no_part_of_it(caster: Person, owner: Any) -> None:
    spellings = (b"one order", b"one order ", b" one order", b"\tone order \t", b"one order" + b" " * 300)
    for path, body in ((PATH, GOOD), (f"{PATH}:batch", {"jobs": [GOOD]})):
        answers = [await caster.http.post(path, json=body, headers=[(b"Idempotency-Key", key)]) for key in spellings]
        assert [answer.status_code for answer in answers] == [202, 200, 200, 200, 200]
    other = await caster.http.post(PATH, json=GOOD, headers={"Idempotency-Key": "one  order"})
    nothing = await caster.http.post(PATH, json=GOOD, headers=[(b"Idempotency-Key", b" \t ")])

    assert (other.status_code, nothing.status_code) == (202, 400)
    assert await count(owner) == 3


async def test_an_idempotency_key_must_be_printable_ascii_of_bounded_length(caster: Person) -> None:
    for key in (b"", b"x" * 256, b"tab\there", "schlüssel".encode()):
        answer = await caster.http.post(PATH, json=GOOD, headers=[(b"Idempotency-Key", key)])

        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/idempotency-key-invalid"), key


BODIES: list[tuple[bytes, int, str]] = [
    (b"", 400, "invalid-json"),
    (b"{", 400, "invalid-json"),
    (b'{"prompt":"a"} x', 400, "invalid-json"),
    (b'{"prompt":"a"} // x', 400, "invalid-json"),
    (b"\xef\xbb\xbf" + b'{"prompt":"a"}', 400, "invalid-json"),
    ('{"prompt":"a"}'.encode("utf-16"), 400, "invalid-json"),
    ('{"prompt":"a"}'.encode("utf-32"), 400, "invalid-json"),
    (b'{"prompt":"\xff"}', 400, "invalid-json"),
    (b'{"prompt":"a\x00b"}', 400, "invalid-json"),
    (b'{"prompt":"a","metadata":{"n":NaN}}', 400, "invalid-json"),
    (b'{"prompt":"a","metadata":{"n":-Infinity}}', 400, "invalid-json"),
    (b'{"prompt":"a","metadata":{"n":1e999}}', 400, "invalid-json"),
    (b'{"prompt":"a","prompt":"b"}', 400, "duplicate-key"),
    (b'{"prompt":"a","metadata":{"a":1,"a":1}}', 400, "duplicate-key"),
    (b'{"prompt":"a","metadata":' + b'{"a":' * 32 + b"1" + b"}" * 33, 400, "json-too-deep"),
    (b"[" * 100_000, 400, "json-too-deep"),
    (b'{"a":' * 100_000, 400, "json-too-deep"),
    (b'{"prompt":"a","metadata":{"n":9223372036854775808}}', 422, "out-of-range"),
    (b'{"prompt":"a","max_tokens":' + b"9" * 5000 + b"}", 422, "out-of-range"),
    (b'{"prompt":"a","priority":-0}', 422, "out-of-range"),
    (b'{"prompt":"a","max_tokens":1.0}', 422, "out-of-range"),
    (b'{"prompt":"a","max_tokens":0}', 422, "out-of-range"),
    (b'{"prompt":"a","max_tokens":200001}', 422, "out-of-range"),
    (b'{"prompt":"a","priority":101}', 422, "out-of-range"),
    (b'{"prompt":"a","timeout":86401}', 422, "out-of-range"),
    (b'{"prompt":"a","max_tokens":"5"}', 422, "validation-failed"),
    (b'{"prompt":"a","is_permanent":1}', 422, "validation-failed"),
    (b'{"prompt":null}', 422, "validation-failed"),
    (b"[]", 422, "validation-failed"),
    (b"null", 422, "validation-failed"),
    (b"{}", 422, "validation-failed"),
    (b'{"prompt":"a\\u0000b"}', 422, "invalid-text"),
    (b'{"prompt":"\\ud800"}', 422, "invalid-text"),
    (b'{"prompt":"a","metadata":{"\\u0000":1}}', 422, "invalid-text"),
    (b'{"prompt":" \\n "}', 422, "invalid-text"),
    (b'{"prompt":""}', 422, "invalid-text"),
    (b'{"prompt":"a","model":"' + b"m" * 101 + b'"}', 422, "too-long"),
    (b'{"prompt":"' + b"p" * (1024 * 1024 + 1) + b'"}', 422, "too-long"),
    (b'{"prompt":"a","metadata":{"t":"' + b"x" * 16384 + b'"}}', 422, "too-long"),
    (b'{"prompt":"a","callback_url":"https://example.com/' + b"x" * 2048 + b'"}', 422, "too-long"),
    (b'{"prompt":"a","surprise":1}', 422, "unknown-field"),
    (b'{"prompt":"a","id":"01a1fd40-d36a-735c-a2d8-45984e76e2db"}', 422, "unknown-field"),
    (b'{"prompt":"a","status":"COMPLETED"}', 422, "unknown-field"),
    (b'{"prompt":"a","tenant_id":"x"}', 422, "unknown-field"),
    (b'{"prompt":"a","user_id":"x"}', 422, "unknown-field"),
    (b'{"prompt":"a","version":2}', 422, "unknown-field"),
    (b'{"prompt":"a","estimated_cost":0}', 422, "unknown-field"),
    (b'{"prompt":"a","maxTokens":5,"max_tokens":6}', 422, "unknown-field"),
    (b'{"prompt":"a","resources":{"cpu":"65"}}', 422, "out-of-range"),
    (b'{"prompt":"a","resources":{"cpu":"five"}}', 422, "out-of-range"),
    (b'{"prompt":"a","resources":{"gpu":"1"}}', 422, "unknown-field"),
    (b'{"prompt":"a","scheduled_at":"2090-01-01T00:00:00Z"}', 422, "out-of-range"),
    (b'{"prompt":"a","retain_until":"2020-01-01T00:00:00Z"}', 422, "out-of-range"),
    (b'{"prompt":"a","model":"gpt-unknown"}', 422, "unknown-model"),
    (b'{"prompt":"a","callback_url":"https://10.0.0.1/"}', 422, "url-not-allowed"),
    (b'{"prompt":"a","callback_url":"http://example.com/"}', 422, "url-not-allowed"),
]  # fmt: skip


async def test_each_bad_body_is_refused_by_name_at_once_and_leaves_no_job(caster: Person, owner: Any) -> None:
    for body, status, slug in BODIES:
        began = perf_counter()
        answer = await caster.http.post(PATH, content=body, headers=JSON)
        took = perf_counter() - began

        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (status, f"/problems/{slug}"), (body[:100], answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["instance"] == answer.headers["x-request-id"]
        assert len(answer.content) < 20_000
        assert took < 0.5, (body[:60], took)
    assert await count(owner) == 0


TIMES = [
    '"2026-12-01T08:00:00"', '"2026-12-01T24:00:00Z"', '"2026-12-01T08:00:60Z"', '"0000-01-01T00:00:00Z"',
    '"10000-01-01T00:00:00Z"', '"+275760-09-13T00:00:00Z"', '"2026-12-01T08:00:00+99:99"', '"infinity"',
    "1770000000", '"1770000000"', '"2026-12-01"', '"2026-02-30T00:00:00Z"', '"0001-01-01T00:00:00+23:59"', "true",
    '"٢026-12-01T08:00:00Z"',
]  # fmt: skip


async def test_only_rfc_3339_with_an_offset_is_a_time(caster: Person) -> None:
    for time in TIMES:
        body = f'{{"prompt":"a","scheduled_at":{time}}}'.encode()
        answer = await caster.http.post(PATH, content=body, headers=JSON)

        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-datetime"), (time, answer.text)


MEDIA_TYPES = [
    "", "text/plain", "application/json; charset=utf-7", "application/json; charset=utf-16", "multipart/form-data",
    "application/x-www-form-urlencoded", "application/jsonx", "application/json; boundary=x",
]  # fmt: skip


async def test_only_json_in_utf_8_is_taken(caster: Person) -> None:
    for media_type in MEDIA_TYPES:
        answer = await caster.http.post(PATH, content=b'{"prompt":"a"}', headers={"Content-Type": media_type})

        assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type"), media_type


async def test_the_charset_may_be_named(caster: Person) -> None:
    answer = await caster.http.post(
        PATH, content=b'{"prompt":"a"}', headers={"Content-Type": 'Application/JSON;charset="UTF-8"'}
    )

    assert answer.status_code == 202


async def test_an_encoded_body_is_refused_unread(caster: Person) -> None:
    for encoding in ("gzip", "zstd", "br", "deflate", "gzip, identity"):
        answer = await caster.http.post(PATH, content=b"\x1f\x8b", headers={**JSON, "Content-Encoding": encoding})

        assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-encoding")


async def test_a_body_over_the_limit_is_refused_whether_announced_or_not(caster: Person) -> None:
    taken = 0

    async def endless() -> AsyncGenerator[bytes]:
        nonlocal taken
        while True:
            taken += 65_536
            yield b" " * 65_536

    announced = await caster.http.post(PATH, content=b" " * (4 * 1024 * 1024 + 1), headers=JSON)
    chunked = await caster.http.post(PATH, content=endless(), headers=JSON)

    for answer in (announced, chunked):
        assert (answer.status_code, answer.json()["type"]) == (413, "/problems/payload-too-large")
        assert answer.headers["connection"] == "close"
    assert taken <= 4 * 1024 * 1024 + 2 * 65_536


async def test_an_unknown_model_is_answered_with_the_active_ones(caster: Person, owner: Any) -> None:
    await owner.execute("UPDATE llm_models SET is_active = false WHERE model_name <> 'offline/extract'")

    answer = await caster.http.post(PATH, json={**GOOD, "model": "claude-sonnet-4-20250514"})

    assert answer.json()["type"] == "/problems/unknown-model"
    assert "offline/extract" in answer.json()["detail"]


async def test_a_refused_callback_names_the_class_and_no_address(caster: Person) -> None:
    answer = await caster.http.post(PATH, json={**GOOD, "callback_url": "https://169.254.169.254/latest"})

    assert answer.json()["errors"] == [{"pointer": "/callback_url", "detail": "refused: metadata"}]


async def test_a_batch_is_all_or_nothing_and_names_the_member_at_fault(caster: Person, owner: Any) -> None:
    good = await caster.http.post(f"{PATH}:batch", json={"jobs": [{"prompt": str(n)} for n in range(300)]})
    field = await caster.http.post(f"{PATH}:batch", json={"jobs": [GOOD, {"prompt": "a", "max_tokens": 0}]})
    model = await caster.http.post(f"{PATH}:batch", json={"jobs": [GOOD, GOOD, {"prompt": "a", "model": "x"}]})
    url = await caster.http.post(f"{PATH}:batch", json={"jobs": [GOOD, {"prompt": "a", "callback_url": "x"}]})
    empty = await caster.http.post(f"{PATH}:batch", json={"jobs": []})

    assert (good.status_code, good.json()["count"]) == (202, 300)
    rows = await owner.fetch("SELECT id, prompt FROM executions")
    assert {str(row["id"]): row["prompt"] for row in rows} == dict(
        zip(good.json()["ids"], map(str, range(300)), strict=True)
    )
    assert field.json()["errors"][0]["pointer"] == "/jobs/1/max_tokens"
    assert model.json()["errors"][0]["pointer"] == "/jobs/2/model"
    assert url.json()["errors"][0]["pointer"] == "/jobs/1/callback_url"
    assert (empty.status_code, field.status_code) == (422, 422)
    assert await count(owner) == 300


async def test_a_batch_with_a_key_is_made_once(caster: Person, owner: Any) -> None:
    batch = {"jobs": [{"prompt": str(n)} for n in range(5)]}
    key = {"Idempotency-Key": "batch 7"}

    first = await caster.http.post(f"{PATH}:batch", json=batch, headers=key)
    again = await caster.http.post(f"{PATH}:batch", json=batch, headers=key)
    others = [{"jobs": [GOOD]}, {"jobs": batch["jobs"][:3]}, {"jobs": [*batch["jobs"], GOOD]}]
    refused = [await caster.http.post(f"{PATH}:batch", json=other, headers=key) for other in others]

    assert (again.status_code, again.json()) == (200, first.json())
    assert [answer.json()["type"] for answer in refused] == ["/problems/idempotency-key-reused"] * 3
    assert await count(owner) == 5


async def test_a_batch_with_a_used_key_and_one_other_job_changes_nothing(
    caster: Person, owner: Any, doorbell: Any
) -> None:
    key = {"Idempotency-Key": "batch 8"}
    await caster.http.post(f"{PATH}:batch", json={"jobs": [GOOD, GOOD]}, headers=key)

    other = {"jobs": [GOOD, {**GOOD, "timeout_seconds": 5}]}
    refused = await caster.http.post(f"{PATH}:batch", json=other, headers=key)

    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert (await count(owner), doorbell.rings.rung) == (2, 2)


async def test_a_replay_that_names_its_due_time_is_answered_after_a_back_off(caster: Person, owner: Any) -> None:
    request = {**GOOD, "scheduled_at": "2026-01-01T08:00:00+01:00"}
    key = {"Idempotency-Key": "due"}
    first = await caster.http.post(PATH, json=request, headers=key)
    await owner.execute("UPDATE executions SET scheduled_at = now() + interval '9 s'")

    again = await caster.http.post(PATH, json=request, headers=key)
    without = await caster.http.post(PATH, json=GOOD, headers=key)

    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert without.status_code == 422


async def test_a_batch_takes_ten_thousand_and_not_one_more(caster: Person, owner: Any) -> None:
    jobs = [GOOD] * 10_000

    full = await caster.http.post(f"{PATH}:batch", content=orjson.dumps({"jobs": jobs}), headers=JSON)
    more = await caster.http.post(f"{PATH}:batch", content=orjson.dumps({"jobs": [*jobs, GOOD]}), headers=JSON)

    assert (full.status_code, full.json()["count"]) == (202, 10_000)
    assert (more.status_code, more.json()["type"]) == (422, "/problems/too-many-items")
    assert await count(owner) == 10_000


async def test_a_bell_is_rung_for_every_submitted_job(caster: Person, doorbell: Any) -> None:
    await caster.http.post(PATH, json=GOOD)
    await caster.http.post(f"{PATH}:batch", json={"jobs": [GOOD, GOOD]})

    await doorbell.drain()  # nobody waits for a bell
    assert doorbell.rings.rung == 3


CALLBACK = "https://hooks.example.com/x"


async def test_who_asks_for_a_callback_is_told_that_none_is_sent_yet(caster: Person) -> None:
    made = await caster.http.post(PATH, json={"prompt": "x", "callbackUrl": CALLBACK}, headers={"Idempotency-Key": "c"})
    again = await caster.http.post(
        PATH, json={"prompt": "x", "callback_url": CALLBACK}, headers={"Idempotency-Key": "c"}
    )
    many = await caster.http.post(
        f"{PATH}:batch", json={"jobs": [{"prompt": "x"}, *[{"prompt": "x", "callback_url": CALLBACK}] * 3]}
    )
    none = await caster.http.post(PATH, json={"prompt": "x"})

    assert (made.status_code, made.json()["callback_url"]) == (202, CALLBACK)
    assert ["callback_url is kept, but nothing is sent to it yet" in line for line in made.json()["warnings"]] == [True]
    assert (again.status_code, again.json()["warnings"]) == (200, made.json()["warnings"])
    assert ["callback_url of 3 of 4 jobs is kept" in line for line in many.json()["warnings"]] == [True]
    assert "warnings" not in none.json()
