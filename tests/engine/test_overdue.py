"""Jobs whose time is over end."""

from __future__ import annotations

from typing import Any

from milepost.db.tenants import TenantDatabase
from milepost.engine.cancel import cancel
from milepost.engine.overdue import overdue, stray
from milepost.kinds.executions import KIND
from tests.engine import lives
from tests.factories import Bells


async def end(maintenance: TenantDatabase, limit: int = 500) -> int:
    return await overdue(maintenance, KIND, Bells(), actor=lives.ACTOR, limit=limit)


async def test_a_job_that_nobody_took_ends_as_queue_timeout(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    job = await lives.waiting(database)
    await lives.alter(owner, job, "deadline_at = now()")

    assert await end(maintenance) == 1

    after = await lives.now(database, job)
    assert (after.status, after["error_code"], after["status_reason"]) == ("FAILED", "QUEUE_TIMEOUT", "timed_out")
    assert (after["usage_estimated"], after["finished_at"] is None) == (False, False)


async def test_a_job_that_waits_after_an_attempt_ends_as_timeout(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    job = await lives.waiting(database)
    await lives.alter(owner, job, "deadline_at = now(), started_at = now()")

    await end(maintenance)

    assert (await lives.now(database, job))["error_code"] == "TIMEOUT"


async def test_a_running_job_past_its_deadline_ends_though_its_lease_lives(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    job = await lives.running(database)
    await lives.alter(owner, job, "deadline_at = now()")

    assert await end(maintenance) == 1

    after = await lives.now(database, job)
    assert (after.status, after["error_code"], after["usage_estimated"]) == ("FAILED", "TIMEOUT", True)


async def test_an_attempt_is_given_thirty_seconds_beyond_its_limit(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    over, nearly = await lives.running(database), await lives.running(database)
    await lives.alter(owner, over, "claimed_at = now() - interval '630 seconds'")
    await lives.alter(owner, nearly, "claimed_at = now() - interval '620 seconds'")

    assert await end(maintenance) == 1

    assert (await lives.now(database, over))["error_code"] == "TIMEOUT"
    assert (await lives.now(database, nearly)).status == "RUNNING"


async def test_a_job_that_was_asked_to_stop_is_left_to_its_worker(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    job = await lives.running(database)
    await lives.alter(owner, job, "deadline_at = now(), cancel_requested_at = now()")

    assert await end(maintenance) == 0
    assert (await lives.now(database, job)).status == "RUNNING"


async def test_more_than_one_page_is_ended_in_one_tick(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    for _ in range(5):
        await lives.waiting(database)
        await lives.running(database)
    await owner.execute("UPDATE executions SET deadline_at = now()")

    assert await end(maintenance, limit=2) == 10
    assert await end(maintenance, limit=2) == 0


async def test_a_running_job_without_a_lease_is_found_when_its_deadline_passed(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    job = await lives.waiting(database)
    await lives.alter(owner, job, "status = 'RUNNING', version = 2, deadline_at = now()")

    assert await end(maintenance) == 0
    assert await stray(maintenance, KIND, Bells(), actor=lives.ACTOR) == 1
    assert (await lives.now(database, job)).status == "FAILED"


async def test_a_running_job_without_a_lease_that_was_asked_to_stop_is_cancelled(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    early, late = await lives.waiting(database), await lives.waiting(database)
    held = await lives.running(database)
    await lives.alter(owner, early, "status = 'RUNNING', version = 2")
    await lives.alter(owner, late, "status = 'RUNNING', version = 2, deadline_at = now()")
    for job in (early, late, held):
        await cancel(database, KIND, job.id, actor="key:x")

    assert await end(maintenance) == 0
    assert await stray(maintenance, KIND, Bells(), actor=lives.ACTOR, limit=1) == 2

    assert [(await lives.now(database, job)).status for job in (early, late)] == ["CANCELLED", "CANCELLED"]
    assert (await lives.now(database, held)).status == "RUNNING"


async def test_a_running_job_without_a_lease_and_with_time_left_is_left(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    job = await lives.waiting(database)
    await lives.alter(owner, job, "status = 'RUNNING', version = 2")

    assert await stray(maintenance, KIND, Bells(), actor=lives.ACTOR) == 0
