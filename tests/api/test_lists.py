"""One job with its history, conditional reads; lists with filters, pages and cursors."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.outcome import Done, Failed
from milepost.domain.policy import Policy
from milepost.kinds.executions.table import MACHINE
from tests.api.conftest import Hire, Person
from tests.factories import TABLE

PATH = "/v1/executions"


async def submit(person: Person, prompt: str = "Say something.", **more: Any) -> dict[str, Any]:
    answer = await person.http.post(PATH, json={"prompt": prompt, **more})
    assert answer.status_code == 202, answer.text
    return answer.json()


async def claim(database: TenantDatabase, job: dict[str, Any]) -> Job:
    claims = await database.ledger.claim(TABLE, [(UUID(job["id"]), job["version"])], "w1", 20)
    return claims.jobs[0]


async def end(database: TenantDatabase, job: Job, outcome: Any) -> None:
    now = job["created_at"]
    moved = decide.after_attempt(MACHINE, Policy(), job, outcome, actor="worker:w1", now=now, chance=0.5)
    await database.ledger.move(TABLE, moved)


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


async def test_a_single_read_carries_history_and_files_and_the_jobs_path_answers_alike(
    caster: Person, database: TenantDatabase
) -> None:
    job = await submit(caster)
    await end(database, await claim(database, job), Done({"output": "forty-two"}))

    answer = await caster.http.get(f"{PATH}/{job['id']}")
    same = await caster.http.get(f"/v1/jobs/{job['id']}")
    history = await caster.http.get(f"{PATH}/{job['id']}/transitions")

    found = answer.json()
    assert (found["output"], found["phase"], found["artifacts"], found["output_artifact_id"]) == (
        "forty-two", "succeeded", [], None,
    )  # fmt: skip
    steps = [(step["version"], step["from_status"], step["to_status"]) for step in found["status_transitions"]]
    assert steps == [(1, None, "PENDING"), (2, "PENDING", "RUNNING"), (3, "RUNNING", "COMPLETED")]
    assert (same.content, same.headers["etag"]) == (answer.content, answer.headers["etag"])
    assert history.json()["items"] == found["status_transitions"]


async def test_the_etag_changes_with_progress_and_not_with_a_heartbeat(
    caster: Person, database: TenantDatabase
) -> None:
    job = await submit(caster)
    path = f"{PATH}/{job['id']}"
    claimed = await claim(database, job)
    tag = (await caster.http.get(path)).headers["etag"]

    await database.ledger.beat(TABLE, [(claimed.id, 2)], "w1", 30)
    after_beat = await caster.http.get(path, headers={"If-None-Match": f'"other", {tag}'})
    await database.ledger.note(TABLE, claimed.id, 2, "w1", {"progress": 40})
    after_progress = await caster.http.get(path, headers={"If-None-Match": tag})

    assert (after_beat.status_code, after_beat.content, after_beat.headers["etag"]) == (304, b"", tag)
    assert (after_progress.status_code, after_progress.json()["progress"]) == (200, 40)
    assert after_progress.headers["etag"].startswith('"2.')


async def test_a_waiting_read_answers_at_the_change_and_304_without_one(
    caster: Person, database: TenantDatabase
) -> None:
    job = await submit(caster)
    path = f"{PATH}/{job['id']}"
    tag = (await caster.http.get(path)).headers["etag"]

    waiting = asyncio.create_task(caster.http.get(f"{path}?wait=20", headers={"If-None-Match": tag}))
    await asyncio.sleep(0)
    await claim(database, job)
    changed = await asyncio.wait_for(waiting, 10)
    unchanged = await caster.http.get(f"{path}?wait=1")
    different = await caster.http.get(f"{path}?wait=30", headers={"If-None-Match": tag})

    assert (changed.status_code, changed.json()["status"]) == (200, "RUNNING")
    assert (unchanged.status_code, unchanged.headers["etag"]) == (304, changed.headers["etag"])
    assert different.status_code == 200
    for bad in ("31", "-1", "x", "1&wait=2"):
        assert (await caster.http.get(f"{path}?wait={bad}")).status_code == 422


async def test_lists_filter_by_every_parameter_in_either_spelling(
    caster: Person, hire: Hire, database: TenantDatabase
) -> None:
    queued = await submit(caster, "the first")
    done = await submit(caster, "100% of_it \\ 'quoted'", model="claude-sonnet-4-20250514")
    failed = await submit(caster, "the third")
    other = await submit(await hire(), "somebody else's")
    await end(database, await claim(database, done), Done({"output": "Needle in a haystack"}))
    await end(database, await claim(database, failed), Failed("PROVIDER_AUTH", "no", retry=False))

    async def listed(query: str) -> set[str]:
        return set(ids(await caster.http.get(f"{PATH}?{query}")))

    mine = {queued["id"], done["id"], failed["id"]}
    assert await listed("") == mine
    assert await listed("status=PENDING") == {queued["id"]}
    assert await listed("status=PENDING,FAILED&status=RUNNING") == {queued["id"], failed["id"]}
    assert await listed("phase=succeeded&phase=failed") == {done["id"], failed["id"]}
    assert await listed("phase=queued&status=FAILED") == set()
    assert await listed("error_code=PROVIDER_AUTH") == await listed("errorCode=PROVIDER_AUTH") == {failed["id"]}
    assert await listed("model=claude-sonnet-4-20250514") == {done["id"]}
    assert await listed("has_artifacts=true") == set()
    assert await listed("hasArtifacts=false") == mine
    assert await listed(f"created_before={queued['created_at']}") == set()
    assert await listed(f"createdAfter={done['created_at']}") == {done["id"], failed["id"]}
    assert await listed(f"user_id={caster.user_id}") == mine
    assert await listed(f"user_id={other['user_id']}") == set()
    assert await listed("search=NEEDLE") == {done["id"]}
    assert (
        await listed("search=100%25")
        == await listed("search=of_i")
        == await listed("search=%5C%20%27q")
        == {done["id"]}
    )
    assert await listed("search=%25%25%25") == await listed("search=___") == set()
    assert await listed(f"search={queued['job_name']}") == {queued["id"]}


async def test_a_list_finds_every_job_that_shares_a_short_id_and_none_of_anothers(
    caster: Person, hire: Hire, owner: Any
) -> None:
    job, another = await submit(caster), await submit(caster)
    theirs = await submit(await hire(), "somebody else's")
    twin = another["id"][:-8] + job["id"][-8:]
    await owner.execute(
        "INSERT INTO executions (id, user_id, prompt, job_name, deadline_at) VALUES ($1, $2, 'x', 'exec-x', now())",
        UUID(twin), caster.user_id,
    )  # fmt: skip

    for path in (PATH, "/v1/jobs"):
        assert set(ids(await caster.http.get(f"{path}?short_id={job['id'][-8:]}"))) == {job["id"], twin}
        assert ids(await caster.http.get(f"{path}?shortId={another['id'][-8:]}")) == [another["id"]]
        assert ids(await caster.http.get(f"{path}?short_id={theirs['id'][-8:]}")) == []


async def test_a_search_for_what_names_a_job_finds_that_job_alone(caster: Person, hire: Hire) -> None:
    job = await submit(caster)
    short = job["id"][-8:]
    named = (job["id"], job["id"].upper(), short, f"…{short}", job["job_name"])
    for name in named:
        await submit(caster, f"What became of {name}?")
    theirs = await submit(await hire())
    mention = await submit(caster, f"What became of {theirs['id']}, or {theirs['id'][-8:]}?")

    for path in (PATH, "/v1/jobs"):
        for name in named:
            assert ids(await caster.http.get(path, params={"search": name})) == [job["id"]], name
        for name in (theirs["id"], theirs["id"][-8:]):  # to others it names nothing, and is a text like any other
            assert ids(await caster.http.get(path, params={"search": name})) == [mention["id"]], name
        assert ids(await caster.http.get(path, params={"search": short, "phase": "failed"})) == []


async def test_a_search_finds_an_error_code(caster: Person, database: TenantDatabase) -> None:
    job = await submit(caster)
    await end(database, await claim(database, job), Failed("PROVIDER_AUTH", "no", retry=False))

    assert ids(await caster.http.get(f"{PATH}?search=provider_au")) == [job["id"]]


async def test_lists_filter_by_end_and_priority(caster: Person, database: TenantDatabase) -> None:
    first, second = await submit(caster, priority=-7), await submit(caster)
    await submit(caster)
    for job in (first, second):
        await end(database, await claim(database, job), Done({}))
    ended = (await caster.http.get(f"{PATH}/{second['id']}")).json()["finished_at"]

    async def listed(query: str) -> list[str]:
        return ids(await caster.http.get(f"{PATH}?{query}"))

    assert await listed(f"finished_after={ended}") == [second["id"]]
    assert await listed(f"finishedBefore={ended}") == [first["id"]]
    assert await listed("finished_before=2999-01-01T00:00:00Z&sort_by=finished_at&sort_order=asc") == [
        first["id"], second["id"],
    ]  # fmt: skip
    assert await listed("priority=-7") == [first["id"]]


async def test_failures_without_a_code_are_found_by_the_word_that_counts_them(
    caster: Person, database: TenantDatabase, owner: Any
) -> None:
    failed, done, coded = await submit(caster), await submit(caster), await submit(caster)
    for job, outcome in ((failed, Failed("X", "x")), (done, Done({})), (coded, Failed("OTHER", "x"))):
        await end(database, await claim(database, job), outcome)
    await owner.execute("UPDATE executions SET error_code = NULL WHERE id = $1", UUID(failed["id"]))

    assert ids(await caster.http.get(f"{PATH}?error_code=UNKNOWN")) == [failed["id"]]


async def test_a_filter_that_cannot_be_is_refused_by_name(caster: Person) -> None:
    cases = {
        "page_size=0": "out-of-range", "page_size=101": "out-of-range", "page=-1": "out-of-range",
        "page=1000000000": "out-of-range", "page_size=1e1": "out-of-range", "page=" + "9" * 5000: "out-of-range",
        "status=NOPE": "invalid-filter", "sort_by=prompt": "invalid-filter", "has_artifacts=1": "invalid-filter",
        "page=1&page=2": "invalid-filter", "phase=done": "validation-failed", "sort_order=up": "validation-failed",
        "cursor=abc": "invalid-cursor", "cursor=%00": "invalid-cursor", "cursor=": "invalid-cursor",
        "cursor=YWJj&page=2": "invalid-cursor", "search=ab": "validation-failed", "search=" + "x" * 201: "too-long",
        "search=a%00bc": "invalid-text", "search=%ff%ff%ff": "invalid-text", "user_id=%7Bx%7D": "invalid-id",
        "created_after=2026-01-01": "invalid-datetime", "created_after=now": "invalid-datetime",
        "model=" + "x" * 101: "too-long", "limit=3": "unknown-field", "; DROP TABLE executions": "unknown-field",
        "priority=101": "out-of-range", "priority=--1": "out-of-range", "priority=1.5": "out-of-range",
        "finished_after=yesterday": "invalid-datetime", "short_id=12345": "validation-failed", "short_id=1234567G": "validation-failed",
        "error_code=" + "x" * 12_000: "too-long", "&".join(f"a{n}=1" for n in range(200)): "too-many-items",
    }  # fmt: skip
    for query, slug in cases.items():
        answer = await caster.http.get(f"{PATH}?{query}")

        assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{slug}"), (
            query[:60],
            answer.text[:300],
        )


async def test_pages_and_cursors_show_every_job_once_in_either_order(
    caster: Person, database: TenantDatabase, owner: Any
) -> None:
    # one transaction: all created at the same instant, so that only ids break the ties
    await caster.http.post(f"{PATH}:batch", json={"jobs": [{"prompt": str(n)} for n in range(7)]})
    for job in [await submit(caster, f"done {n}") for n in range(4)]:
        await end(database, await claim(database, job), Done({}))
    everything = {str(row[0]) for row in await owner.fetch("SELECT id FROM executions")}

    for path in (PATH, "/v1/jobs"):
        for sort in ("created_at", "finished_at", "completedAt", "status"):
            for order in ("asc", "desc"):
                query = f"{path}?sort_by={sort}&sort_order={order}&page_size=4"
                pages = [ids(await caster.http.get(f"{query}&page={page}")) for page in (1, 2, 3, 4)]
                cursors, cursor = [], ""
                while cursor is not None:
                    answer = await caster.http.get(query + (f"&cursor={cursor}" if cursor else ""))
                    cursors.append(ids(answer))
                    cursor = answer.json()["next_cursor"]
                assert [*cursors, []] == pages, query
                assert sorted(job for page in pages for job in page) == sorted(everything), query
    first = (await caster.http.get(f"{PATH}?page_size=4")).json()
    assert (first["page"], first["page_size"], first["total"]) == (1, 4, 11)
    finished = (await caster.http.get(f"{PATH}?sort_by=finished_at")).json()["items"]
    assert [item["finished_at"] is None for item in finished] == [False] * 4 + [True] * 7


async def test_ties_are_broken_in_the_direction_of_the_sort(
    caster: Person, database: TenantDatabase, owner: Any
) -> None:
    sent = (await caster.http.post(f"{PATH}:batch", json={"jobs": [{"prompt": str(n)} for n in range(5)]})).json()[
        "ids"
    ]
    # one transaction again: these end at one instant
    claims = await database.ledger.claim(TABLE, [(UUID(job), 1) for job in sent[:3]], "w1", 20)
    await asyncio.gather(*(end(database, job, Done({})) for job in claims.jobs))
    await owner.execute("UPDATE executions SET finished_at = now() WHERE finished_at IS NOT NULL")
    ended, rest = sent[:3], sent[3:]
    orders = {
        "": sent[::-1],
        "sort_order=asc": sent,
        "sort_by=finished_at": ended[::-1] + rest[::-1],
        "sort_by=finished_at&sort_order=asc": ended + rest,
        "sort_by=status": rest[::-1] + ended[::-1],
        "sort_by=status&sort_order=asc": ended + rest,
    }

    for path in (PATH, "/v1/jobs"):
        for query, wanted in orders.items():
            assert ids(await caster.http.get(f"{path}?{query}")) == wanted, query
            assert await every_page(caster, f"{path}?page_size=2&{query}") == wanted, query


async def every_page(person: Person, query: str) -> list[str]:
    found, answer = [], await person.http.get(query)
    while True:
        found += ids(answer)
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found
        answer = await person.http.get(f"{query}&cursor={cursor}")


async def test_a_cursor_is_of_use_to_its_own_caller_with_its_own_filter_alone(caster: Person, hire: Hire) -> None:
    for number in range(3):
        await submit(caster, f"number {number}")
    cursor = (await caster.http.get(f"{PATH}?page_size=1&status=PENDING")).json()["next_cursor"]
    stranger = await hire()

    assert (await caster.http.get(f"{PATH}?page_size=2&status=PENDING&cursor={cursor}")).status_code == 200
    for who, path in (
        (stranger, f"{PATH}?status=PENDING&cursor={cursor}"),
        (caster, f"{PATH}?cursor={cursor}"),
        (caster, f"{PATH}?status=PENDING&sort_order=asc&cursor={cursor}"),
        (caster, f"/v1/jobs?status=PENDING&cursor={cursor}"),
        (caster, f"{PATH}?status=PENDING&cursor=A{cursor[1:]}"),
        (caster, f"{PATH}?status=PENDING&cursor={cursor[:-1]}"),
    ):
        assert (await who.http.get(path)).json()["type"] == "/problems/invalid-cursor", path


async def test_lists_cut_long_texts_and_leave_out_history(caster: Person, database: TenantDatabase) -> None:
    job = await submit(caster, "ä" * 2000)
    await end(database, await claim(database, job), Done({"output": "ö" * 2000}))

    item = (await caster.http.get(PATH)).json()["items"][0]

    assert (item["prompt"], item["output"]) == ("ä" * 500, "ö" * 500)
    assert not {"status_transitions", "artifacts", "idempotency_key", "lease_owner"} & set(item)


async def test_the_total_is_exact_to_ten_thousand_and_null_beyond(caster: Person) -> None:
    await caster.http.post(f"{PATH}:batch", json={"jobs": [{"prompt": "x"}] * 10_000})
    exact = (await caster.http.get(f"{PATH}?page_size=1")).json()["total"]
    await submit(caster)
    beyond = (await caster.http.get(f"{PATH}?page_size=1")).json()["total"]

    assert (exact, beyond) == (10_000, None)


async def test_operators_and_auditors_see_everybodys_jobs_and_producers_their_own(caster: Person, hire: Hire) -> None:
    job = await submit(caster)
    path = f"{PATH}/{job['id']}"

    for role in ("operator", "auditor"):
        person = await hire(role)
        assert ids(await person.http.get(PATH)) == [job["id"]]
        assert (await person.http.get(path)).status_code == 200
    assert ids(await (await hire()).http.get(PATH)) == []


async def test_anothers_job_and_no_job_are_told_apart_by_nothing(caster: Person, hire: Hire) -> None:
    job = await submit(caster)
    stranger = await hire()
    nobody = "01a1fd40-d36a-735c-a2d8-45984e76e2db"
    spellings = [job["id"].upper(), f"{{{job['id']}}}", f"urn:uuid:{job['id']}", job["id"].replace("-", ""), "%00",
                 "00000000-0000-0000-0000-000000000000", f"{job['id']};x", f"{job['id']}.", "%2e%2e"]  # fmt: skip

    def plain(answer: Any) -> Any:
        content = answer.json()
        instance = content.pop("instance")
        headers = {
            name: value for name, value in answer.headers.items() if name not in {"x-request-id", "content-length"}
        }
        return answer.status_code, content, headers, len(answer.content) - len(instance)

    for path in (PATH, "/v1/jobs"):
        for method, rest in (("GET", ""), ("GET", "/transitions"), ("POST", "/cancel"), ("POST", "/retry")):
            theirs = await stranger.http.request(method, f"{path}/{job['id']}{rest}")
            missing = await stranger.http.request(method, f"{path}/{nobody}{rest}")
            assert theirs.status_code == 404
            assert plain(theirs) == plain(missing)
        for spelling in spellings:
            answer = await caster.http.get(f"{path}/{spelling}")
            assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found"), spelling
