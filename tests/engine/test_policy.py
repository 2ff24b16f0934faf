"""A kind's policy is the one source of its waits: statements and code follow it alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from milepost.db.tenants import TenantDatabase
from milepost.domain.policy import Lease
from milepost.engine.cancel import cancel
from milepost.engine.overdue import overdue
from milepost.engine.report import report
from milepost.engine.retry import retry
from milepost.kinds.executions import KIND
from milepost.wiring import with_lease
from tests.engine import lives
from tests.factories import Bells

HURRIED = replace(KIND, policy=replace(KIND.policy, queue_time=timedelta(minutes=5)))
PATIENT = replace(KIND, policy=replace(KIND.policy, lease=Lease(overdue_grace=timedelta(minutes=5))))


async def test_a_retry_gives_the_queue_time_of_the_policy(database: TenantDatabase) -> None:
    job = await lives.waiting(database)
    await cancel(database, HURRIED, job.id, actor="key:x")

    again = await retry(database, HURRIED, job.id, Bells(), actor="key:x", timeout_seconds=60)

    assert again.deadline_at - again.scheduled_at == timedelta(minutes=6)


async def test_an_attempt_is_given_the_grace_of_the_policy(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    over, nearly = await lives.running(database), await lives.running(database)
    await lives.alter(owner, over, "claimed_at = now() - interval '910 seconds'")
    await lives.alter(owner, nearly, "claimed_at = now() - interval '890 seconds'")

    assert await overdue(maintenance, PATIENT, Bells(), actor=lives.ACTOR) == 1

    assert (await lives.now(database, nearly)).status == "RUNNING"


async def test_a_remote_runner_gets_the_lease_of_the_policy(database: TenantDatabase) -> None:
    kind = with_lease(KIND, 90)
    job = await lives.waiting(database)

    await report(database, kind, job, KIND.machine.running, actor="key:r", columns={})

    held = await lives.now(database, job)
    assert held.lease_expires_at - held["claimed_at"] == timedelta(seconds=90)
