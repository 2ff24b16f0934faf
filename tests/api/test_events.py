"""Event streams over a real server: everything once, in order, resumable, and only what one may see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from uuid_utils.compat import uuid7

from milepost import observe
from milepost.domain.job import Job
from milepost.engine.cancel import cancel
from tests.api_fixtures import Caller, House, serve, sse, take
from tests.db_fixtures import Urls
from tests.factories import TABLE, expected, new_execution

INSERT = """
INSERT INTO executions (id, user_id, prompt, job_name, deadline_at, status_reason)
VALUES ($1, $2, 'Say something.', 'exec-test', now() + interval '1 day', 'created')"""


@pytest_asyncio.fixture
async def url(house: House) -> AsyncIterator[str]:
    async with serve(house.app) as url:
        yield url


@asynccontextmanager
async def stream(
    url: str, caller: Caller, path: str = "/v1/events", last_id: int | None = None, **params: Any
) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    headers = {"Authorization": f"Bearer {caller.key}"} | ({} if last_id is None else {"Last-Event-ID": str(last_id)})
    async with (
        httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as client,
        client.stream("GET", path, params=params) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield sse(answer.aiter_lines())


async def submitted(house: House, caller: Caller) -> Job:
    return (await house.database.ledger.submit(TABLE, new_execution(user_id=caller.user_id))).job


async def claimed(house: House, job: Job) -> Job:
    return (await house.database.ledger.claim(TABLE, [(job.id, job.version)], "w1", 20)).jobs[0]


async def test_a_stream_begins_with_a_snapshot_and_gives_an_id_to_transitions_alone(house: House, url: str) -> None:
    me = await house.caller()
    job = await submitted(house, me)
    async with stream(url, me, f"/v1/executions/{job.id}/events") as events:
        [first] = await take(events, 1)
        await claimed(house, job)
        [moved] = await take(events, 1, "transition")
        await house.database.ledger.note(TABLE, job.id, 2, "w1", {"progress": 50, "stage": "reading", **expected(9)})
        [progress] = await take(events, 1, "progress")

    assert (first["event"], first["data"]["jobs"][0]["status"], "id" in first) == ("snapshot", "PENDING", False)
    assert int(moved["id"]) == moved["data"]["id"] > first["data"]["last_event_id"]
    assert (moved["data"]["to_status"], moved["data"]["phase"], moved["data"]["version"]) == ("RUNNING", "running", 2)
    assert ("id" in progress, progress["data"]["progress"], progress["data"]["stage"]) == (False, 50, "reading")
    assert 0 < progress["data"]["seconds_left"] <= 9
    assert progress["data"]["late"] is False


async def test_of_two_open_transactions_the_smaller_id_is_sent_first_though_it_commits_last(
    house: House, url: str, urls: Urls
) -> None:
    me = await house.caller()
    late, early = await asyncpg.connect(urls.app), await asyncpg.connect(urls.app)
    first, second = uuid7(), uuid7()
    async with stream(url, me) as events:
        await take(events, 1, "snapshot")
        began_late, began_early = late.transaction(), early.transaction()
        await began_late.start()
        await began_early.start()
        await late.execute(INSERT, first, me.user_id)
        await early.execute(INSERT, second, me.user_id)
        await began_early.commit()
        got: asyncio.Task[Any] = asyncio.create_task(take(events, 2, "transition"))
        done, _ = await asyncio.wait({got}, timeout=0.5)  # many looks pass while the smaller id is still open
        assert not done
        await began_late.commit()
        both = await got
    await late.close()
    await early.close()

    assert [event["data"]["job_id"] for event in both] == [str(first), str(second)]
    assert int(both[0]["id"]) < int(both[1]["id"])


async def test_a_resumed_stream_sends_what_was_missed_in_order_and_nothing_twice(house: House, url: str) -> None:
    me = await house.caller()
    async with stream(url, me) as events:
        await take(events, 1, "snapshot")
        seen = await submitted(house, me)
        [last] = await take(events, 1, "transition")
    missed = [await submitted(house, me) for _ in range(3)]
    async with stream(url, me, last_id=int(last["id"])) as events:
        [snapshot, *told] = await take(events, 4, "snapshot", "transition", "reset")
        live = await submitted(house, me)
        [after] = await take(events, 1, "transition")

    assert last["data"]["job_id"] == str(seen.id)
    assert snapshot["event"] == "snapshot"
    assert [event["data"]["job_id"] for event in [*told, after]] == [str(job.id) for job in [*missed, live]]


async def test_an_id_that_is_no_longer_kept_is_answered_with_reset_and_zero_with_all_there_is(
    house: House, url: str, owner: Any
) -> None:
    me = await house.caller()
    gone, kept = await submitted(house, me), await submitted(house, me)
    last_id = await owner.fetchval("SELECT id FROM status_transitions WHERE job_id = $1", gone.id)
    await owner.execute("DELETE FROM executions WHERE id = $1", gone.id)
    async with stream(url, me, last_id=last_id) as events:
        names = [event["event"] for event in await take(events, 2)]
    async with stream(url, me, last_id=0) as events:
        [first] = await take(events, 1, "transition")

    assert names == ["snapshot", "reset"]
    assert first["data"]["job_id"] == str(kept.id)


async def test_a_stream_tells_only_of_jobs_that_its_caller_may_read(house: House, url: str) -> None:
    me, somebody, operator = await house.caller(), await house.caller(), await house.operator()
    async with stream(url, me) as mine, stream(url, operator) as everything:
        await take(mine, 1, "snapshot")
        await take(everything, 1, "snapshot")
        other, own = await submitted(house, somebody), await submitted(house, me)
        [told] = await take(mine, 1, "transition")
        both = await take(everything, 2, "transition")

    assert told["data"]["job_id"] == str(own.id)
    assert [event["data"]["job_id"] for event in both] == [str(other.id), str(own.id)]


async def test_filters_of_a_stream_are_given_several_times_or_together_with_commas_as_those_of_lists(
    house: House, url: str
) -> None:
    me = await house.caller()
    one, two, three = [await submitted(house, me) for _ in range(3)]
    await claimed(house, two)
    together: dict[str, Any] = {"kind": "execution,images", "job": f"{one.id},{two.id}", "phase": "queued,failed"}
    apart: dict[str, Any] = {**together, "phase": ["queued,failed", "running"], "status": "PENDING,RUNNING"}
    async with stream(url, me, **together) as few, stream(url, me, **apart) as more:
        [first], [second] = await take(few, 1), await take(more, 1)

    assert {job["id"] for job in first["data"]["jobs"]} == {str(one.id)}
    assert {job["id"] for job in second["data"]["jobs"]} == {str(one.id), str(two.id)}
    for query in ("phase=queued,nothing", "phase=queued,", "status=PENDING,NOTHING", f"job={three.id},1", "kind=execution,x",
                  "job=" + ",".join([str(one.id)] * 101)):  # fmt: skip
        assert (await me.http.get(f"/v1/events?{query}")).status_code == 422, query


async def test_head_of_a_stream_leaves_the_connection_to_the_next_request_and_follows_nothing(
    house: House, url: str
) -> None:
    me = await house.caller()
    limits = httpx2.Limits(max_connections=1)
    headers = {"Authorization": f"Bearer {me.key}"}
    async with asyncio.timeout(10), httpx2.AsyncClient(base_url=url, headers=headers, limits=limits) as client:
        opened = await client.head("/v1/events")
        assert (opened.status_code, opened.content) == (200, b"")
        for path in ("/healthz", "/v1/nothing", "/v1/executions"):
            head, got = await client.head(path), await client.get(path)
            assert (head.status_code, head.content) == (got.status_code, b""), path
            assert head.headers["content-length"] == got.headers["content-length"], path
    assert observe.STREAMS._value.get() == 0


async def test_filters_by_job_and_by_phase_let_nothing_else_through(house: House, url: str) -> None:
    me = await house.caller()
    one, other = await submitted(house, me), await submitted(house, me)
    async with (
        stream(url, me, job=[str(one.id), str(uuid7())]) as of_job,
        stream(url, me, kind="executions", phase=["cancelled"]) as of_phase,
    ):
        [snapshot] = await take(of_job, 1)
        [empty] = await take(of_phase, 1)
        await claimed(house, other)
        for job in (other, one):
            await cancel(house.database, house.deps.kinds[0], job.id, actor="key:test")
        [told] = await take(of_job, 1, "transition")
        [ended] = await take(of_phase, 1, "transition")

    assert [job["id"] for job in snapshot["data"]["jobs"]] == [str(one.id)]
    assert empty["data"]["jobs"] == []
    assert told["data"]["job_id"] == ended["data"]["job_id"] == str(one.id)


@pytest.mark.slow
async def test_a_revoked_key_loses_its_stream(house: House, url: str) -> None:
    me = await house.caller()
    async with stream(url, me) as events:
        await take(events, 1, "snapshot")
        await house.revoke(me)
        async with asyncio.timeout(8):
            rest = [event async for event in events]

    assert [event["event"] for event in rest] == []


async def test_who_may_no_longer_read_loses_the_stream(house: House, url: str, owner: Any) -> None:
    operator = await house.caller("ops:deploy", role="operator")
    async with stream(url, operator) as events:
        await take(events, 1, "snapshot")
        await owner.execute("UPDATE users SET role = 'caster' WHERE id = $1", operator.user_id)
        async with asyncio.timeout(8):
            rest = [event async for event in events]

    assert [event["event"] for event in rest] == []


async def test_heartbeats_carry_no_id(house: House, url: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("milepost.api.events.HEARTBEAT", 0.1)
    me = await house.caller()
    async with stream(url, me) as events:
        [beat] = await take(events, 1, "heartbeat")

    assert "id" not in beat


async def test_what_cannot_be_streamed_is_a_problem_not_a_stream(house: House) -> None:
    me, somebody = await house.caller(), await house.caller()
    job = await submitted(house, somebody)
    answers = {
        "422 invalid-filter": await me.http.get("/v1/events?kind=nonsense"),
        "422 invalid-id": await me.http.get("/v1/events?job=nonsense"),
        "422 unknown-field": await me.http.get("/v1/events?whatever=1"),
        "422 invalid-id ": await me.http.get("/v1/events", headers={"Last-Event-ID": "-1"}),
        "404 not-found": await me.http.get(f"/v1/executions/{job.id}/events"),
        "404 not-found ": await me.http.get("/v1/jobs/nonsense/events"),
        "401 unauthorized": await house.client().get("/v1/events"),
    }

    for wanted, answer in answers.items():
        assert answer.headers["content-type"] == "application/problem+json", wanted
        assert f"{answer.status_code} {answer.json()['type'].rsplit('/', 1)[1]}" == wanted.strip()
