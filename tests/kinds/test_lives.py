"""What every kind's jobs must live through, whatever the kind: each end of an attempt, each sweep, each verb."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import IllegalTransition, StaleVersion
from milepost.domain.machine import Phase
from milepost.domain.outcome import Again, Cancelled, Done, Failed, HandedBack, TimedOut
from milepost.engine.cancel import cancel
from milepost.engine.kind import Kind
from milepost.engine.overdue import overdue
from milepost.engine.prune import prune_jobs
from milepost.engine.rescue import rescue
from milepost.engine.retry import retry
from milepost.engine.verify import verify
from milepost.storage import local_store
from tests.factories import Bells

MAINTENANCE = "maintenance:m1"


@pytest.fixture(autouse=True)
async def clean_history(database: TenantDatabase, kind: Kind) -> AsyncIterator[None]:
    """Whatever a test did with its jobs, the history must be provable afterwards."""
    yield
    report = await verify(database, (kind,))
    assert (report.wrong, report.guards) == ([], [])


async def alter(owner: Any, kind: Kind, changes: str) -> None:
    await owner.execute(f"UPDATE {kind.table.name} SET {changes}")


async def test_a_job_succeeds(born: Any, kind: Kind) -> None:
    life = await born()
    await life.claim()

    job = await life.end(Done())

    assert kind.phase(job) is Phase.SUCCEEDED
    assert (job["progress"], job["finished_at"] is not None, job.lease_owner) == (100, True, None)


async def test_a_late_worker_changes_nothing(born: Any, kind: Kind, owner: Any, database: TenantDatabase) -> None:
    life = await born()
    await life.claim()
    late = life.job
    await alter(owner, kind, "lease_expires_at = now() - interval '1 second'")
    assert await rescue(database, kind, Bells(), actor=MAINTENANCE) == 1
    await life.refresh()
    now = await life.claim()

    life.job = late
    with pytest.raises(StaleVersion):
        await life.end(Failed("TOO_LATE", "This was somebody else's job by then."))

    assert (await life.refresh()).version == now.version


@pytest.mark.parametrize(
    ("outcome", "phase", "attempt"),
    [
        (Failed("BROKEN", "It is broken."), Phase.FAILED, 1),
        (Failed("AWAY", "It is away.", retry=True), Phase.QUEUED, 1),
        (Again(timedelta(seconds=1), "BUSY", "It is busy."), Phase.QUEUED, 0),
        (HandedBack(), Phase.QUEUED, 0),
        (Cancelled(), Phase.CANCELLED, 1),
    ],
    ids=["failed", "retried", "snoozed", "handed back", "cancelled"],
)
async def test_an_attempt_ends(born: Any, kind: Kind, outcome: Any, phase: Phase, attempt: int) -> None:
    life = await born()
    await life.claim()

    job = await life.end(outcome)

    assert (kind.phase(job), job.attempt, job.lease_owner) == (phase, attempt, None)


async def test_an_attempt_that_runs_too_long_times_out(born: Any, kind: Kind) -> None:
    life = await born()
    await life.claim()

    job = await life.end(TimedOut())

    assert (job.status, job["error_code"]) == (kind.machine.timed_out, "TIMEOUT")


async def test_a_waiting_job_is_cancelled_at_once(born: Any, kind: Kind, database: TenantDatabase) -> None:
    life = await born()

    job = await cancel(database, kind, life.job.id, actor="key:test", note="changed my mind")

    assert (kind.phase(job), job.version) == (Phase.CANCELLED, 2)


async def test_a_running_job_is_asked_to_stop(born: Any, kind: Kind, database: TenantDatabase) -> None:
    life = await born()
    await life.claim()

    asked = await cancel(database, kind, life.job.id, actor="key:test")
    beats = await database.ledger.beat(kind.table, [(asked.id, asked.version)], "w1", 20)

    assert (kind.phase(asked), [beat.cancel_requested for beat in beats]) == (Phase.RUNNING, [True])
    await life.refresh()
    assert kind.phase(await life.end(Failed("ANY", "Whatever the reason."))) is Phase.CANCELLED


async def test_a_lost_workers_job_is_queued_again_and_fails_at_last(
    born: Any, kind: Kind, database: TenantDatabase, owner: Any
) -> None:
    life, bells = await born(max_attempts=2), Bells()
    seen = []
    for _ in range(2):
        await life.claim()
        await alter(owner, kind, "lease_expires_at = now() - interval '1 second'")
        await rescue(database, kind, bells, actor=MAINTENANCE)
        seen.append(kind.phase(await life.refresh()))

    assert (seen, life.job["error_code"]) == ([Phase.QUEUED, Phase.FAILED], "WORKER_LOST")
    assert [bell.kind for bell in bells.rung] == [kind.name]


async def test_a_job_that_nobody_takes_times_out(born: Any, kind: Kind, database: TenantDatabase, owner: Any) -> None:
    life = await born()
    await alter(owner, kind, "deadline_at = now() - interval '1 second'")

    assert await overdue(database, kind, Bells(), actor=MAINTENANCE) == 1

    assert ((await life.refresh()).status, life.job["error_code"]) == (kind.machine.timed_out, "QUEUE_TIMEOUT")


async def test_whatever_did_not_succeed_can_be_retried(born: Any, kind: Kind, database: TenantDatabase) -> None:
    for outcome in (Failed("BROKEN", "It is broken."), Cancelled(), TimedOut()):
        life, bells = await born(), Bells()
        await life.claim()
        await life.end(outcome)

        job = await retry(database, kind, life.job.id, bells, actor="key:test")

        assert (kind.phase(job), job.attempt, job["error_code"], len(bells.rung)) == (Phase.QUEUED, 0, None, 1)


async def test_success_is_final(born: Any, kind: Kind, database: TenantDatabase) -> None:
    life = await born()
    await life.claim()
    done = await life.end(Done())

    with pytest.raises(IllegalTransition):
        await retry(database, kind, done.id, Bells(), actor="key:test")
    assert (await cancel(database, kind, done.id, actor="key:test")).version == done.version


async def test_a_finished_job_goes_when_its_time_of_keeping_is_over(
    born: Any, kind: Kind, maintenance: TenantDatabase, owner: Any, tmp_path: Path
) -> None:
    if kind.policy.retention is None:
        pytest.skip("kept for ever")
    life = await born()
    await life.claim()
    await life.end(Done())
    store = local_store(tmp_path)
    assert await prune_jobs(maintenance, kind, store, actor=MAINTENANCE) == 0

    keep = int(kind.policy.retention.keep.total_seconds()) + 60
    past = f"now() - interval '{keep} seconds'"
    await alter(owner, kind, f"created_at = {past}, finished_at = {past}")

    assert await prune_jobs(maintenance, kind, store, actor=MAINTENANCE) == 1
    assert await owner.fetchval(f"SELECT count(*) FROM {kind.table.name}") == 0
