"""Why a job is not running: every reason reached on a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from uuid_utils.compat import uuid7

from milepost.db.counts import tally
from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.outcome import Done, Failed
from milepost.domain.policy import Policy
from milepost.engine.cancel import cancel
from milepost.engine.why import why
from milepost.kinds import find_kind
from milepost.kinds.executions.table import MACHINE
from tests.engine.lives import alter, new_user
from tests.factories import TABLE, new_execution

KIND = find_kind("execution")
LATER = datetime(2100, 1, 1, tzinfo=UTC)


async def submitted(database: TenantDatabase, **changes: Any) -> Job:
    return (await database.ledger.submit(TABLE, new_execution(**changes))).job


async def claimed(database: TenantDatabase, job: Job, lease: float = 20) -> Job:
    return (await database.ledger.claim(TABLE, [(job.id, job.version)], "w1", lease)).jobs[0]


async def end(database: TenantDatabase, job: Job, outcome: Any) -> None:
    moved = decide.after_attempt(MACHINE, Policy(), job, outcome, actor="worker:w1", now=datetime.now(UTC), chance=0.99)
    await database.ledger.move(TABLE, moved)


async def test_a_job_scheduled_for_later_is_not_due(database: TenantDatabase) -> None:
    job = await submitted(database, scheduled_at=LATER)
    found = await why(database, KIND, job, workers=1)

    assert (found.reason, found.due_at, found.ahead) == ("not_due", LATER, None)
    assert "not due yet" in found.text


async def test_a_due_job_tells_how_many_go_before_it_by_priority_then_by_time(database: TenantDatabase) -> None:
    early = await submitted(database)
    job = await submitted(database)
    await submitted(database)
    await submitted(database, priority=5)
    await submitted(database, priority=-5)
    await submitted(database, priority=5, scheduled_at=LATER)
    found = await why(database, KIND, job, workers=2)
    first = await why(database, KIND, early, workers=2)

    assert (found.reason, found.ahead, found.ahead_more, found.workers) == ("queued", 2, False, 2)
    assert (first.ahead, first.text) == (1, "It is due; 1 due job goes before it.")


async def test_a_due_job_without_a_living_worker_says_so_and_with_unknown_workers_does_not(
    database: TenantDatabase,
) -> None:
    job = await submitted(database)

    assert (await why(database, KIND, job, workers=0)).reason == "no_worker"
    assert (await why(database, KIND, job, workers=None)).reason == "queued"


async def test_a_failed_attempt_that_waits_is_backing_off_with_its_error(database: TenantDatabase) -> None:
    job = await claimed(database, await submitted(database))
    await end(
        database, job, Failed("PROVIDER_UNAVAILABLE", "The provider was away.", retry=True, wait=timedelta(minutes=9))
    )
    found = await why(database, KIND, job, workers=1)

    assert (found.reason, found.error_code, found.attempt) == ("backing_off", "PROVIDER_UNAVAILABLE", 1)
    assert "(PROVIDER_UNAVAILABLE)" in found.text


async def test_a_running_job_is_leased_by_its_worker_until_it_is_asked_to_stop(database: TenantDatabase) -> None:
    job = await claimed(database, await submitted(database))
    running = await why(database, KIND, job, workers=1)
    await cancel(database, KIND, job.id, actor="key:test")
    stopping = await why(database, KIND, job, workers=1)

    assert running.reason == "leased"
    assert running.lease is not None
    assert (running.lease.by, running.lease.since, running.lease.expired) == ("w1", job.claimed_at, False)
    assert stopping.reason == "cancel_requested"
    asked = stopping.cancel_requested_at
    assert stopping.text == f"It was asked to stop at {asked:%Y-%m-%d %H:%M:%S} UTC and is being stopped by w1."


async def test_an_expired_lease_is_told(database: TenantDatabase) -> None:
    job = await claimed(database, await submitted(database), lease=-1)
    found = await why(database, KIND, job, workers=1)

    assert found.lease is not None
    assert found.lease.expired
    assert "has expired" in found.text


async def test_an_ended_job_has_ended(database: TenantDatabase) -> None:
    job = await claimed(database, await submitted(database))
    await end(database, job, Done())

    assert (await why(database, KIND, job, workers=1)).reason == "ended"


async def test_a_job_due_since_for_ever_is_counted_and_explained_without_an_age(
    database: TenantDatabase, owner: Any
) -> None:
    old, young, never = [await submitted(database) for _ in range(3)]
    await alter(owner, old, "scheduled_at = '-infinity', deadline_at = '-infinity'")
    await alter(owner, never, "scheduled_at = 'infinity'")
    everybody = await database.connections.run(lambda connection: tally(connection, TABLE))
    nobody = await database.connections.run(lambda connection: tally(connection, TABLE, uuid7()))
    texts = [(await why(database, KIND, job, workers=1)).text for job in (old, young, never)]

    assert (everybody.statuses["PENDING"].count, nobody.statuses["PENDING"].count) == (3, 0)
    assert everybody.oldest_due is not None
    assert everybody.oldest_due < timedelta(minutes=1)
    assert texts[:2] == ["It is due; no job goes before it.", "It is due; 1 due job goes before it."]
    assert texts[2].startswith("It is not due yet")


async def test_the_oldest_due_of_one_owner_leaves_out_what_is_due_since_for_ever(
    database: TenantDatabase, owner: Any
) -> None:
    user = await new_user(owner)
    old, young = [await submitted(database, user_id=user) for _ in range(2)]
    await alter(owner, old, "scheduled_at = '-infinity'")
    await alter(owner, young, "scheduled_at = now() - interval '5 minutes'")
    own = await database.connections.run(lambda connection: tally(connection, TABLE, user))

    assert own.oldest_due is not None
    assert timedelta(minutes=5) <= own.oldest_due < timedelta(minutes=6)


async def test_the_tally_counts_statuses_leases_the_oldest_due_and_recent_failures(
    database: TenantDatabase, owner: Any
) -> None:
    await alter(owner, await submitted(database), "scheduled_at = now() - interval '5 minutes'")
    await claimed(database, await submitted(database))
    await claimed(database, await submitted(database), lease=-1)
    await end(database, await claimed(database, await submitted(database)), Failed("PROVIDER_AUTH", "No."))
    found = await database.connections.run(lambda connection: tally(connection, TABLE))

    assert {status: count.count for status, count in found.statuses.items()} == {
        "PENDING": 1, "RUNNING": 2, "COMPLETED": 0, "FAILED": 1, "CANCELLED": 0,
    }  # fmt: skip
    assert found.oldest_due is not None
    assert timedelta(minutes=5) <= found.oldest_due < timedelta(minutes=6)
    assert (found.leases_held, found.leases_expired, found.failures) == (2, 1, {"PROVIDER_AUTH": 1})
