"""The feed on a real database: every committed step once, in order, whoever commits last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from uuid_utils.compat import uuid7

from milepost.db.tenants import TenantDatabase
from milepost.engine.feed import MOST_WAITING, Feed, Follower, Moved, Slow, Stirred
from milepost.kinds import all_kinds
from tests.db_fixtures import Urls
from tests.factories import TABLE, new_execution

KINDS = frozenset({"execution"})
INSERT = """
INSERT INTO executions (id, prompt, job_name, deadline_at, status_reason)
VALUES ($1, 'Say something.', 'exec-test', now() + interval '1 day', 'created')"""


@pytest_asyncio.fixture
async def feed(database: TenantDatabase) -> AsyncIterator[Feed]:
    made = Feed(database, all_kinds())
    yield made
    await made.close()


@pytest_asyncio.fixture
async def two(urls: Urls) -> AsyncIterator[tuple[Any, Any]]:
    connections = [await asyncpg.connect(urls.app) for _ in range(2)]
    yield connections[0], connections[1]
    for connection in connections:
        await connection.close()


async def moves(follower: Follower, count: int) -> list[Moved]:
    found: list[Moved] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            found += [event for event in await follower.next(1) if isinstance(event, Moved)]
    return found


async def test_a_step_that_commits_late_with_a_smaller_id_is_told_and_told_first(
    feed: Feed, two: tuple[Any, Any], database: TenantDatabase
) -> None:
    late, early = two
    first, second = uuid7(), uuid7()
    with feed.follow(KINDS) as follower:
        assert await feed.ready(10)
        began = late.transaction()
        await began.start()
        await late.execute(INSERT, first)
        await early.execute(INSERT, second)  # commits at once, with the larger id
        # the fence is taken while the other is open, and holds the row back however often it is looked at
        for _ in range(3):
            assert await feed._look()
        assert feed._fence is not None
        assert await follower.next(0) == ()
        await began.commit()
        told = await moves(follower, 2)

    assert [event.step.job_id for event in told] == [first, second]
    assert told[0].step.id < told[1].step.id


async def test_one_who_comes_while_a_smaller_id_is_open_hears_of_it(feed: Feed, two: tuple[Any, Any]) -> None:
    late, early = two
    first, second = uuid7(), uuid7()
    began = late.transaction()
    await began.start()
    await late.execute(INSERT, first)
    await early.execute(INSERT, second)
    with feed.follow(KINDS) as follower:
        assert not await feed.ready(0.2)
        await began.commit()
        assert await feed.ready(10)
        # what is told already is for the history to answer, and there nothing is missing
        before = [step.job_id async for step in feed.since(follower, 0)]
        told = before + [event.step.job_id for event in await follower.next(0) if isinstance(event, Moved)]

    assert told == [first, second]


async def test_a_rolled_back_step_leaves_a_gap_and_stops_nobody(feed: Feed, two: tuple[Any, Any]) -> None:
    undone, kept = two
    with feed.follow(KINDS) as follower:
        await feed.ready(10)
        began = undone.transaction()
        await began.start()
        await undone.execute(INSERT, uuid7())
        await kept.execute(INSERT, job_id := uuid7())
        await began.rollback()
        told = await moves(follower, 1)

    assert [event.step.job_id for event in told] == [job_id]


async def test_random_commits_of_many_writers_are_told_once_and_in_order(
    feed: Feed, urls: Urls, database: TenantDatabase
) -> None:
    async def write(seed: int) -> None:
        connection = await asyncpg.connect(urls.app)
        for turn in range(10):
            async with connection.transaction():
                await connection.execute(INSERT, uuid7())
                await connection.execute("SELECT pg_sleep($1)", ((seed * 7 + turn * 3) % 5) / 200)
        await connection.close()

    with feed.follow(KINDS) as follower:
        await feed.ready(10)
        await asyncio.gather(*(write(seed) for seed in range(6)))
        ids = [event.step.id for event in await moves(follower, 60)]

    assert len(ids) == len(set(ids)) == 60
    assert ids == sorted(ids)


async def test_what_was_missed_is_read_from_the_history_and_then_the_follower_listens(
    feed: Feed, database: TenantDatabase
) -> None:
    jobs = [(await database.ledger.submit(TABLE, new_execution())).job for _ in range(3)]
    with feed.follow(KINDS) as follower:
        await feed.ready(10)
        missed = [step async for step in feed.since(follower, 0)]
        assert await feed.kept(missed[0].id)
        assert not await feed.kept(missed[-1].id + 1000)
        claimed = await database.ledger.claim(TABLE, [(jobs[0].id, 1)], "w1", 20)
        told = await moves(follower, 1)

    assert [step.job_id for step in missed] == [job.id for job in jobs]
    assert (told[0].step.job_id, told[0].step.version) == (claimed.jobs[0].id, 2)
    assert told[0].step.id > missed[-1].id


async def test_progress_is_told_without_a_step_and_a_heartbeat_alone_shows_nothing(
    feed: Feed, database: TenantDatabase
) -> None:
    job = (await database.ledger.submit(TABLE, new_execution())).job
    await database.ledger.claim(TABLE, [(job.id, 1)], "w1", 20)
    with feed.follow(KINDS, frozenset({job.id})) as follower:
        await feed.ready(10)
        await database.ledger.note(TABLE, job.id, 2, "w1", {"progress": 40, "stage": "reading"})
        heard = await stirred(follower, lambda event: event.sign.progress == 40)
        await database.ledger.beat(TABLE, [(job.id, 2)], "w1", 20)
        beat = await stirred(follower, lambda event: event.sign.mark != heard.sign.mark)

    assert (heard.sign.stage, heard.shown, beat.shown) == ("reading", True, False)


async def stirred(follower: Follower, wanted: Any) -> Stirred:
    async with asyncio.timeout(10):
        while True:
            for event in await follower.next(1):
                if isinstance(event, Stirred) and wanted(event):
                    return event


async def test_a_follower_that_does_not_read_is_cut_off_and_holds_no_more_than_its_bound(
    feed: Feed, database: TenantDatabase
) -> None:
    with feed.follow(KINDS) as slow, feed.follow(KINDS) as quick:
        await feed.ready(10)
        new = [new_execution() for _ in range(MOST_WAITING + 1)]
        await database.ledger.submit_all(TABLE, new)
        told = await moves(quick, len(new))
        with pytest.raises(Slow):
            await slow.next(0)

    assert len(told) == MOST_WAITING + 1
    assert not slow._waiting


async def test_the_reader_holds_no_connection_between_looks_and_ends_with_its_last_follower(
    feed: Feed, database: TenantDatabase
) -> None:
    with feed.follow(KINDS):
        await feed.ready(10)
        async with asyncio.timeout(10):
            while database.pool.get_idle_size() < database.pool.get_size():  # noqa: ASYNC110 - a pool tells nobody
                await asyncio.sleep(0)
        reader = feed._reader
    assert reader is not None
    await asyncio.wait_for(reader, 10)
