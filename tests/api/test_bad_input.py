"""Input that nobody should send, on every route that could take it: refused by name, and never by a 5xx."""

# ruff: noqa: RUF001 - digits of other scripts are what is tested

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.api_fixtures import Caller, House
from tests.images_fixtures import REQUEST, Brush, Easel

PATH = "/v1/executions"
JSON = {"Content-Type": "application/json"}
MAKER = ("spell:publish", "cast:invoke", "job:submit", "job:read")

NOT_JSON: dict[str, tuple[bytes, str]] = {
    "not closed": (b"{", "invalid-json"),
    "something behind": (b"{} {}", "invalid-json"),
    "a comment": (b"{} // x", "invalid-json"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "invalid-json"),
    "UTF-16": ("{}".encode("utf-16"), "invalid-json"),
    "UTF-32": ("{}".encode("utf-32"), "invalid-json"),
    "no UTF-8": (b'{"reason":"\xff"}', "invalid-json"),
    "overlong UTF-8": (b'{"reason":"\xc0\x80"}', "invalid-json"),
    "NaN": (b'{"n":NaN}', "invalid-json"),
    "Infinity": (b'{"n":Infinity}', "invalid-json"),
    "a float too large": (b'{"n":1e999}', "invalid-json"),
    "minus and a leading zero": (b'{"n":-01}', "invalid-json"),
    "a list of them": (b"[-01]", "invalid-json"),
    "minus zero and letters": (b'{"n":-0x1}', "invalid-json"),
    "minus zero, then nothing": (b'{"n":-0', "invalid-json"),
    "minus zero and a comma too many": (b"[-0,]", "invalid-json"),
    "too many digits, then nothing": (b'{"n":' + b"9" * 5000, "invalid-json"),
    "too many digits and letters": (b'{"n":99999999999999999999a}', "invalid-json"),
    "a key twice, then nothing": (b'{"a":{"b":1,"b":2}', "invalid-json"),
    "a key twice and something behind": (b'{"a":1,"a":2} x', "invalid-json"),
    "a key twice, then no UTF-8": (b'{"a":1,"a":"\xff"}', "invalid-json"),
    "a leading zero": (b'{"n":01}', "invalid-json"),
    "a plus": (b'{"n":+1}', "invalid-json"),
    "a point without a figure": (b'{"n":1.}', "invalid-json"),
    "a digit of another script": ('{"n":٣}'.encode(), "invalid-json"),
    "a key twice": (b'{"reason":"a","reason":"b"}', "duplicate-key"),
    "a key twice, once escaped": (b'{"reason":"a","re\\u0061son":"b"}', "duplicate-key"),
    "deep lists": (b"[" * 100_000, "json-too-deep"),
    "deep objects": (b'{"a":' * 100_000, "json-too-deep"),
    "closed and deep": (b"[" * 33 + b"]" * 33, "json-too-deep"),
}
NO_VALUES: dict[str, tuple[bytes, str]] = {
    "an integer beyond 64 bits": (b'{"n":9223372036854775808}', "out-of-range"),
    "an integer of 5000 digits": (b'{"n":' + b"9" * 5000 + b"}", "out-of-range"),
    "minus zero": (b'{"n":-0}', "out-of-range"),
    "NUL": (b'{"reason":"a\\u0000b"}', "invalid-text"),
    "a lone surrogate": (b'{"reason":"\\udc00"}', "invalid-text"),
    "NUL in a name": (b'{"a\\u0000b":1}', "invalid-text"),
}


async def json_routes(house: House, caller: Caller) -> list[tuple[str, str]]:
    """Every route that takes JSON, with a job of the caller's in its path."""
    job = await caller.submit()
    task = await Easel(house.database, house.store, Brush(), caller.user_id).draw()
    document = (await house.client().get("/openapi.json")).json()
    found: list[tuple[str, str]] = []
    for path, verbs in document["paths"].items():
        for verb, operation in verbs.items():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                job_id = str(task.id) if path.startswith("/v1/images/") else job["id"]
                found.append((verb.upper(), path.format(job_id=job_id)))
    return found


async def test_what_is_no_json_is_refused_alike_by_every_route(house: House, owner: Any) -> None:
    caller = await house.caller(*MAKER)
    routes = await json_routes(house, caller)
    before = await owner.fetchval("SELECT count(*) FROM audit_logs")

    for verb, path in routes:
        for status, faults in ((400, NOT_JSON), (422, NO_VALUES)):
            for name, (body, slug) in faults.items():
                answer = await caller.http.request(verb, path, content=body, headers=JSON)
                assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{slug}"), (path, name)
                assert len(answer.content) < 1000
    assert len(routes) >= 8
    assert await owner.fetchval("SELECT count(*) FROM audit_logs") == before


async def test_other_media_types_and_encodings_are_refused_alike_by_every_route(house: House) -> None:
    caller = await house.caller(*MAKER)
    for verb, path in await json_routes(house, caller):
        for media_type in ("text/plain", "application/json; charset=utf-7", "application/x-www-form-urlencoded", ""):
            answer = await caller.http.request(verb, path, content=b"{}", headers={"Content-Type": media_type})
            assert answer.json()["type"] == "/problems/unsupported-media-type", (path, media_type)
        answer = await caller.http.request(verb, path, content=b"{}", headers={**JSON, "Content-Encoding": "gzip"})
        assert answer.json()["type"] == "/problems/unsupported-encoding", path


async def test_a_body_over_the_limit_is_refused_by_every_route(house: House) -> None:
    caller = await house.caller(*MAKER)
    for verb, path in await json_routes(house, caller):
        # a batch takes more, and says so when it is announced
        size = 33 * 1024 * 1024 if path.endswith(":batch") else 5 * 1024 * 1024
        answer = await caller.http.request(verb, path, content=b" ", headers={**JSON, "Content-Length": str(size)})
        assert (answer.status_code, answer.headers["connection"]) == (413, "close"), path


async def test_nobody_sets_what_is_the_servers_own(house: House) -> None:
    caller = await house.caller(*MAKER)
    own = ("id", "status", "user_id", "tenant_id", "version", "balance", "created_at", "lease_owner", "__proto__",
           "constructor", "cost", "result", "output", "attempts")  # fmt: skip
    for path, good in ((PATH, {"prompt": "a"}), ("/v1/images", REQUEST)):
        for name in own:
            answer = await caller.http.post(path, json={**good, name: "1"})
            assert (answer.status_code, answer.json()["type"]) == (422, "/problems/unknown-field"), (path, name)


ID = "a0eebc99-9c0b-7ef8-bb6d-6bb9bd380a11"
SPELLINGS = [
    ID.upper(), "{" + ID + "}", f"urn:uuid:{ID}", ID.replace("-", ""), ID[:-1], ID + "0", "{A0EEBC99-9C0B4EF8BB6D6BB9BD380A11}",
    f"{ID}%00", f"%20{ID}", "١" * 8 + ID[8:], "null", "1", "-1", "..%2f", "'", "*",
]  # fmt: skip


async def test_only_the_canonical_spelling_of_an_id_names_something(house: House) -> None:
    caller = await house.caller(*MAKER)
    document = (await house.client().get("/openapi.json")).json()
    for path, verbs in document["paths"].items():
        if "_id}" not in path:
            continue
        before, _, after = path.partition("{")
        for spelling in SPELLINGS:
            for verb in verbs:
                answer = await caller.http.request(verb.upper(), before + spelling + after.partition("}")[2])
                # what the address itself rewrites, like `..`, may be another route's
                assert answer.status_code in {404, 405}, (verb, path, spelling, answer.text)
    for spelling in (ID.upper(), "{" + ID + "}", f"urn:uuid:{ID}", ID.replace("-", ""), 1, ""):
        answer = await caller.http.post("/v1/images", json={**REQUEST, "source_image_id": spelling})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-id"), (spelling, answer.text)


@pytest.mark.parametrize(
    ("tags", "slug"),
    [
        ({str(n): "a" for n in range(51)}, "too-many-items"),
        ({str(n): "a" for n in range(20_000)}, "too-many-items"),
        ({"a": "b" * 257}, "too-long"),
        ({"a" * 65: "b"}, "too-long"),
        ({"": "b"}, "validation-failed"),
        ({"a": 1}, "validation-failed"),
        ({"a": {"b": "c"}}, "validation-failed"),
        ({"milepost.kept": "a"}, "invalid-name"),
        ({"MilePost.kept": "a"}, "invalid-name"),
    ],
)
async def test_bombs_of_tags_are_refused(house: House, tags: Any, slug: str) -> None:
    caller = await house.caller()
    job = await caller.submit()

    answer = await caller.http.post(
        f"{PATH}/{job['id']}/artifacts", json={"file_name": "x", "file_size": 1, "tags": tags}
    )

    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}")


NAMES = [
    "../x", "..%2fx/..", "a/b", "a\\b", "/etc/passwd", "C:\\x", ".", "..", "a\x00b", "a\r\nSet-Cookie: b", "a\x1bb",
    "a\u202egnp.exe", "a\u200bb", "\ufeffa", "a\u2028b", "a" * 256, "",
]  # fmt: skip


async def test_a_file_name_that_is_a_path_a_header_or_a_disguise_is_refused(house: House) -> None:
    caller = await house.caller()
    job = await caller.submit()
    for name in NAMES:
        answer = await caller.http.post(f"{PATH}/{job['id']}/artifacts", json={"file_name": name, "file_size": 1})
        assert answer.status_code == 422, (name, answer.text)


async def test_what_a_name_may_hold_does_nothing_in_the_header_that_tells_it(house: House) -> None:
    caller = await house.caller()
    job = await caller.submit()
    for name in ('a"; filename="b.exe', "a; b=c", "%0d%0aX: y", "名前.txt", "<script>"):
        made = await caller.http.post(f"{PATH}/{job['id']}/artifacts", json={"file_name": name, "file_size": 1})
        await caller.http.put(made.json()["upload_url"], content=b"a")
        told = (await caller.http.get(made.json()["upload_url"])).headers["content-disposition"]
        assert told.startswith("attachment; filename*=UTF-8''")
        assert not set(told.removeprefix("attachment; filename*=UTF-8''")) & set("\"'; \r\n<>")


async def found(http: httpx2.AsyncClient, needle: str) -> tuple[int, list[str]]:
    answer = await http.get(PATH, params={"search": needle})
    return answer.status_code, [item["id"] for item in answer.json().get("items", [])]


async def test_a_search_is_a_literal_part_of_the_text_whatever_it_holds(house: House) -> None:
    caller = await house.caller()
    literal = [
        "100% of it",
        "a_b_c",
        "back\\slash",
        "'; DROP TABLE executions; --",
        "a & b | !c",
        "(a+)+$",
        "[a-z]{3}",
        "$1",
    ]
    ids = {text: (await caller.submit(prompt=f"say {text} now"))["id"] for text in literal}
    await caller.submit(prompt="say 1000 of it, aXbXc, backslash, aaaaaaaaaaaaaaaaaaaaaaaa! now")

    for text in literal:
        assert await found(caller.http, text if len(text) > 2 else f"{text} now") == (200, [ids[text]]), text
    for needle in ("%%%", "___", "\\\\\\", "%_%"):
        assert await found(caller.http, needle) == (200, []), needle
    for needle in ("a" * 201, "a" * 10_000, "ab", "", "a\x00b"):
        assert (await found(caller.http, needle))[0] == 422, needle


@pytest.mark.parametrize(
    "query",
    [
        "page=0", "page=-1", "page=1000000000", "page=1.0", "page=%D9%A1", "page=" + "9" * 400, "page_size=0",
        "page_size=101", "page_size=-1", "cursor=x", "cursor=" + "A" * 500, "cursor=" + "A" * 501, "cursor=%00",
        "sort_by=prompt", "sort_by=id;--", "sort_order=up", "status=NOTHING", "nonsense=1", "page=1&page=2",
        "created_after=yesterday", "created_after=2026-01-01", "user_id=1", "search=%ff%ff%ff",
        "&".join(f"a{n}=1" for n in range(101)),
    ],
)  # fmt: skip
async def test_a_part_or_filter_that_cannot_be_is_refused_by_every_list(house: House, query: str) -> None:
    caller = await house.caller()
    for path in (PATH, "/v1/images", "/v1/jobs"):
        answer = await caller.http.get(f"{path}?{query}")
        assert answer.status_code == 422, (path, query, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


MALFORMED = ["-01", "01", "00", "-00", "007", "-0000000000000000000001"]
NO_WHOLE_NUMBERS = ["-1", "1.0", "1e1", "x", "", "+1", "0x1", "--1", "- 1", "٣", "9" * 400]


async def test_a_number_in_a_query_is_malformed_before_it_is_out_of_bounds(house: House) -> None:
    caller = await house.caller(*MAKER)
    job = (await caller.submit())["id"]
    places = [(PATH, "page"), (PATH, "page_size"), ("/v1/jobs", "page"), ("/v1/images", "priority"),
              ("/v1/generated_images", "offset"), (f"{PATH}/{job}", "wait")]  # fmt: skip
    for path, name in places:
        assert (await caller.http.get(path, params={name: "1"})).status_code in {200, 304}
        for value in MALFORMED:
            answer = await caller.http.get(path, params={name: value})
            assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-request"), (path, name, value)
            assert answer.json()["errors"][0]["pointer"] == f"?{name}"
        for value in NO_WHOLE_NUMBERS:
            if (name, value) != ("priority", "-1"):
                assert (await caller.http.get(path, params={name: value})).status_code == 422, (path, name, value)
    both = await caller.http.get(f"{PATH}?page=0&page_size=-01&status=x")
    assert (both.status_code, both.json()["errors"][0]["pointer"]) == (400, "?page_size")


async def test_unknown_things_stay_unknown_however_their_path_is_written(house: House) -> None:
    caller = await house.caller()
    job = await caller.submit()
    for path in (f"{PATH}//{job['id']}", f"{PATH}/%2e%2e/executions", f"{PATH}/{job['id']}%00", f"{PATH}/{job['id']};x",
                 f"{PATH}/{job['id']}.", f"{PATH}/{job['id']}/", f"/v1/EXECUTIONS/{job['id']}", f"/{PATH}",
                 f"{PATH}/{uuid4()}/nothing", "/.env", "/.git/config", "/static/../settings.py", "/metrics/",
                 "/static/x/..%2f..%2fapp.py"):  # fmt: skip
        answer = await caller.http.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found"), path


ENDS = [
    "0001-01-01T00:00:00Z", "0001-01-01T23:59:59.999999Z", "0001-01-01T01:00:00+01:00", "0001-01-01T00:00:00-23:59",
    "9999-12-31T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999999Z",
    "9999-12-31T22:59:59.999999-01:00", "9999-12-30T23:59:59-23:59",
]  # fmt: skip


async def test_the_first_and_last_day_of_the_calendar_are_no_times(house: House, owner: Any) -> None:
    caller = await house.caller(*MAKER)
    job = await caller.submit()
    path = f"{PATH}/{job['id']}"
    for end in ENDS:
        answers = [
            await caller.http.post(PATH, json={"prompt": "a", "scheduled_at": end}),
            await caller.http.post(PATH, json={"prompt": "a", "retain_until": end}),
            await caller.http.post("/v1/images", json={**REQUEST, "scheduled_at": end}),
            await caller.http.patch(path, json={"retain_until": end}, headers={"If-Match": '"1"'}),
            await caller.http.get(PATH, params={"created_after": end}),
        ]
        assert [answer.json()["type"] for answer in answers] == ["/problems/out-of-range"] * 5, end
    assert await owner.fetchval("SELECT count(*) FROM executions") == 1


async def test_a_time_that_has_passed_means_now_and_harms_nobody(house: House) -> None:
    caller = await house.caller(*MAKER)
    old = await caller.submit(scheduled_at="0001-01-02T00:00:00Z")
    until = (await caller.submit(retain_until="9999-12-30T23:59:59.999999Z"))["retain_until"]

    assert (old["scheduled_at"], until) == (old["created_at"], "9999-12-30T23:59:59.999999Z")
    for path in ("/v1/summary", "/metrics", f"{PATH}/{old['id']}/why", PATH):
        assert (await caller.http.get(path)).status_code == 200, path


async def test_a_row_with_an_endless_time_is_read_with_its_offset(house: House, owner: Any) -> None:
    caller = await house.caller(*MAKER)
    job = await caller.submit()
    await owner.execute("UPDATE executions SET scheduled_at = '-infinity', deadline_at = 'infinity'")

    read = (await caller.http.get(f"{PATH}/{job['id']}")).json()

    assert (read["scheduled_at"], read["deadline_at"]) == ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z")
    for path in ("/v1/summary", "/metrics", f"{PATH}/{job['id']}/why"):
        assert (await caller.http.get(path)).status_code == 200, path


@pytest.mark.parametrize("quantity", ["1\n", "٣", "1²", " 1", "1 ", "1e3", "0x1", "-1", "+1", "1.", ".5", ""])
async def test_only_what_kubernetes_reads_as_a_quantity_is_one(house: House, quantity: str) -> None:
    caller = await house.caller()
    for name in ("cpu", "memory", "ephemeral_storage"):
        answer = await caller.http.post(PATH, json={"prompt": "a", "resources": {name: quantity}})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/out-of-range"), name


async def test_numbers_count_with_all_the_digits_that_the_database_writes(house: House) -> None:
    caller = await house.caller()
    for number in (1e300, -1e300, 1e-300, 5e-324):
        answer = await caller.http.post(PATH, json={"prompt": "a", "metadata": {"n": [{"m": number}] * 1000}})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/too-long")
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/metadata"]
    for few in ([1e300] * 50, [1e-7, 1.5e16, 0.1, -0.0], "1e+300"):
        assert (await caller.submit(metadata={"n": few}))["metadata"] == {"n": few}
