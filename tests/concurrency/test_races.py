"""Two connections want the same job at once: one wins, the other writes nothing, and the history has no gap.

The order is made by a row lock that one side holds and the other is seen to wait for, never by sleeping.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from milepost.db.tenants import TenantDatabase, open_database
from milepost.domain import decide
from milepost.domain.errors import IllegalTransition, StaleVersion
from milepost.domain.job import Job
from milepost.domain.outcome import Done, Failed, Outcome
from milepost.domain.transition import Transition
from milepost.engine.cancel import cancel
from milepost.engine.read_job import read_job
from milepost.engine.rescue import rescue
from milepost.engine.retry import retry
from milepost.engine.verify import verify
from milepost.kinds.executions import KIND
from tests.db_fixtures import OPTIONS, Urls
from tests.factories import Bells, new_execution

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Side = Callable[[TenantDatabase], Awaitable[Any]]


@pytest.fixture
async def other(urls: Urls) -> AsyncIterator[TenantDatabase]:
    """The same database with connections of its own."""
    opened = await open_database("default", urls.maintenance, OPTIONS)
    yield opened
    await opened.close()


@asynccontextmanager
async def gate(urls: Urls, job: Job) -> AsyncIterator[Callable[[int], Awaitable[None]]]:
    """Holds the job's row. Called with a number, waits until so many statements stand behind it."""
    holder, watcher = await asyncpg.connect(urls.owner), await asyncpg.connect(urls.owner)
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT FROM executions WHERE id = $1 FOR UPDATE", job.id)

        async def queued(count: int) -> None:
            async with asyncio.timeout(10):
                while await watcher.fetchval(WAITING) < count:
                    pass  # the question itself lets the others run

        yield queued
        await transaction.rollback()
    finally:
        await holder.close()
        await watcher.close()


WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND state = 'active'"""


async def race(urls: Urls, job: Job, *sides: Awaitable[Any]) -> list[Any]:
    """All sides reach the job while it is locked, in the order given; then the lock is opened."""
    async with gate(urls, job) as queued:
        tasks = []
        for number, side in enumerate(sides, 1):
            tasks.append(asyncio.ensure_future(side))
            await queued(number)
    return await asyncio.gather(*tasks, return_exceptions=True)


async def submitted(database: TenantDatabase) -> Job:
    return (await database.ledger.submit(KIND.table, new_execution())).job


async def claimed(database: TenantDatabase) -> Job:
    job = await submitted(database)
    return (await database.ledger.claim(KIND.table, [(job.id, 1)], "w1", 20)).jobs[0]


def ended(job: Job, outcome: Outcome) -> Transition:
    return decide.after_attempt(KIND.machine, KIND.policy, job, outcome, actor="worker:w1", now=NOW, chance=0.5)


async def finish(database: TenantDatabase, job: Job, outcome: Outcome) -> Any:
    return await database.ledger.move(KIND.table, ended(job, outcome))


async def rescued(database: TenantDatabase) -> int:
    return await rescue(database, KIND, Bells(), actor="maintenance:m1")


async def settled(database: TenantDatabase, job: Job) -> Job:
    """The job afterwards, its history proven."""
    report = await verify(database, [KIND])
    assert report.wrong == []
    return await read_job(database, KIND.table, job.id)


async def test_claim_against_claim(urls: Urls, database: TenantDatabase, other: TenantDatabase) -> None:
    job = await submitted(database)

    first, second = await race(
        urls, job,
        database.ledger.claim(KIND.table, [(job.id, 1)], "w1", 20),
        other.ledger.claim(KIND.table, [(job.id, 1)], "w2", 20),
    )  # fmt: skip

    assert (len(first.jobs), len(second.jobs), second.later) == (1, 0, [])
    after = await settled(database, job)
    assert (after.version, after.attempt, after.lease_owner) == (2, 1, "w1")


@pytest.mark.parametrize("first", ["finish", "rescue"])
async def test_finish_against_rescue(
    urls: Urls, database: TenantDatabase, other: TenantDatabase, owner: Any, first: str
) -> None:
    job = await claimed(database)
    await owner.execute("UPDATE executions SET lease_expires_at = now()")
    sides = [finish(database, job, Done({"output": "x"})), rescued(other)]

    answers = await race(urls, job, *(sides if first == "finish" else reversed(sides)))

    after = await settled(database, job)
    assert after.version == 3
    if first == "finish":
        assert (answers[1], after.status, after["output"]) == (0, "COMPLETED", "x")
    else:
        assert (answers[0], after.status, after["output"]) == (1, "PENDING", None)
        assert isinstance(answers[1], StaleVersion)


async def test_a_beat_before_the_rescue_keeps_the_job(
    urls: Urls, database: TenantDatabase, other: TenantDatabase, owner: Any
) -> None:
    job = await claimed(database)
    await owner.execute("UPDATE executions SET lease_expires_at = now()")

    beats, moved = await race(
        urls, job, database.ledger.beat(KIND.table, [(job.id, 2)], "w1", 20), rescued(other)
    )  # fmt: skip

    assert (len(beats), moved) == (1, 0)
    assert (await settled(database, job)).status == "RUNNING"


@pytest.mark.parametrize("outcome", [Done({"output": "x"}), Failed("INTERNAL", "no"), Failed("BUSY", "no", retry=True)])
async def test_a_finish_before_the_cancel_ends_the_job_its_own_way(
    urls: Urls, database: TenantDatabase, other: TenantDatabase, outcome: Outcome
) -> None:
    job = await claimed(database)

    finished, after = await race(
        urls, job, finish(database, job, outcome), cancel(other, KIND, job.id, actor="key:1")
    )  # fmt: skip

    assert finished.version == 3
    expected = {"Done": "COMPLETED", "Failed": "FAILED"}[type(outcome).__name__]
    # a job that waits again is still there to be cancelled
    assert after.status == ("CANCELLED" if isinstance(outcome, Failed) and outcome.retry else expected)
    assert (await settled(database, job)).status == after.status


@pytest.mark.parametrize("outcome", [Done({"output": "x"}), Failed("INTERNAL", "no"), Failed("BUSY", "no", retry=True)])
async def test_a_cancel_before_the_finish_yields_to_success_alone(
    urls: Urls, database: TenantDatabase, other: TenantDatabase, outcome: Outcome
) -> None:
    job = await claimed(database)

    asked, finished = await race(
        urls, job, cancel(other, KIND, job.id, actor="key:1"), finish(database, job, outcome)
    )  # fmt: skip

    assert asked.status == "RUNNING" or isinstance(outcome, Done)
    if isinstance(outcome, Done):
        assert finished.version == 3
        assert (await settled(database, job)).status == "COMPLETED"
    else:
        assert isinstance(finished, StaleVersion)
        seen = await settled(database, job)
        assert (seen.version, seen.cancel_requested_at is None) == (2, False)
        await finish(database, seen, outcome)
        assert (await settled(database, job)).status == "CANCELLED"


async def failed_job(database: TenantDatabase) -> Job:
    job = await claimed(database)
    await finish(database, job, Failed("INTERNAL", "no"))
    return job


async def test_a_cancel_while_a_retry_is_not_yet_committed_sees_the_end_and_changes_nothing(
    urls: Urls, database: TenantDatabase, other: TenantDatabase
) -> None:
    job = await failed_job(database)

    async with gate(urls, job) as queued:
        again = asyncio.ensure_future(retry(database, KIND, job.id, Bells(), actor="key:1"))
        await queued(1)
        early = await cancel(other, KIND, job.id, actor="key:2")
    await again
    late = await cancel(other, KIND, job.id, actor="key:2")

    assert (early.status, late.status, late.version) == ("FAILED", "CANCELLED", 5)
    await settled(database, job)


async def test_a_retry_while_a_cancel_is_not_yet_committed_is_refused_and_works_after_it(
    urls: Urls, database: TenantDatabase, other: TenantDatabase
) -> None:
    job = await submitted(database)

    async with gate(urls, job) as queued:
        cancelled = asyncio.ensure_future(cancel(other, KIND, job.id, actor="key:1"))
        await queued(1)
        with pytest.raises(IllegalTransition):
            await retry(database, KIND, job.id, Bells(), actor="key:2")
    assert (await cancelled).status == "CANCELLED"
    again = await retry(database, KIND, job.id, Bells(), actor="key:2")

    assert (again.status, again.version, again.cancel_requested_at) == ("PENDING", 3, None)
    await settled(database, job)


async def test_a_claim_before_the_cancel_turns_it_into_a_request(
    urls: Urls, database: TenantDatabase, other: TenantDatabase
) -> None:
    job = await submitted(database)

    claims, after = await race(
        urls,
        job,
        database.ledger.claim(KIND.table, [(job.id, 1)], "w1", 20),
        cancel(other, KIND, job.id, actor="key:1"),
    )

    assert (len(claims.jobs), after.status, after.cancel_requested_at is None) == (1, "RUNNING", False)
    await settled(database, job)


async def test_a_cancel_before_the_claim_leaves_nothing_to_claim(
    urls: Urls, database: TenantDatabase, other: TenantDatabase
) -> None:
    job = await submitted(database)

    after, claims = await race(
        urls,
        job,
        cancel(other, KIND, job.id, actor="key:1"),
        database.ledger.claim(KIND.table, [(job.id, 1)], "w1", 20),
    )

    assert (after.status, claims.jobs, claims.later) == ("CANCELLED", [], [])
    await settled(database, job)


async def test_of_two_retries_one_makes_a_new_life(urls: Urls, database: TenantDatabase, other: TenantDatabase) -> None:
    job = await failed_job(database)
    bells = Bells()

    answers = await race(
        urls, job,
        retry(database, KIND, job.id, bells, actor="key:1"),
        retry(other, KIND, job.id, bells, actor="key:2"),
    )  # fmt: skip

    assert isinstance(answers[1], IllegalTransition)
    assert [bell.version for bell in bells.rung] == [4]
    assert (await settled(database, job)).version == 4


async def test_of_two_cancels_both_are_told_the_same(
    urls: Urls, database: TenantDatabase, other: TenantDatabase
) -> None:
    job = await submitted(database)

    answers = await race(
        urls, job, cancel(database, KIND, job.id, actor="key:1"), cancel(other, KIND, job.id, actor="key:2")
    )  # fmt: skip

    assert [(answer.status, answer.version) for answer in answers] == [("CANCELLED", 2)] * 2
    assert (await settled(database, job))["status_actor"] == "key:1"
