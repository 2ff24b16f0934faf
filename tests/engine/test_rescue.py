"""Jobs of silent workers are given back."""

from __future__ import annotations

from typing import Any

from milepost.db.tenants import TenantDatabase
from milepost.engine.rescue import rescue
from milepost.kinds.executions import KIND
from tests.engine import lives
from tests.factories import Bells


async def test_a_job_whose_lease_is_over_waits_again_and_its_bell_is_rung(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    job = await lives.running(database)
    await lives.alter(owner, job, lives.LEASE_OVER)
    bells = Bells()

    rescued = await rescue(maintenance, KIND, bells, actor=lives.ACTOR)

    after = await lives.now(database, job)
    assert (rescued, after.status, after.version, after.attempt) == (1, "PENDING", 3, 1)
    assert (after["status_reason"], after["status_actor"]) == ("lease_expired", lives.ACTOR)
    assert (after["usage_estimated"], after.lease_owner) == (True, None)
    assert [(bell.job_id, bell.version) for bell in bells.rung] == [(job.id, 3)]


async def test_a_lease_that_lasts_is_left_alone(database: TenantDatabase, maintenance: TenantDatabase) -> None:
    job = await lives.running(database)

    assert await rescue(maintenance, KIND, Bells(), actor=lives.ACTOR) == 0
    assert (await lives.now(database, job)).status == "RUNNING"


async def test_after_the_last_attempt_the_worker_is_lost(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    job = await lives.running(database, max_attempts=1)
    await lives.alter(owner, job, lives.LEASE_OVER)

    await rescue(maintenance, KIND, Bells(), actor=lives.ACTOR)

    after = await lives.now(database, job)
    assert (after.status, after["error_code"], after["status_reason"]) == ("FAILED", "WORKER_LOST", "lease_expired")


async def test_a_cancel_request_comes_before_the_rescue(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    job = await lives.running(database)
    await lives.alter(owner, job, lives.LEASE_OVER + ", cancel_requested_at = now(), deadline_at = now()")

    await rescue(maintenance, KIND, Bells(), actor=lives.ACTOR)

    after = await lives.now(database, job)
    assert (after.status, after["status_reason"], after["usage_estimated"]) == ("CANCELLED", "cancelled", True)


async def test_a_deadline_that_passed_comes_before_another_attempt(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    job = await lives.running(database)
    await lives.alter(owner, job, lives.LEASE_OVER + ", deadline_at = now()")

    await rescue(maintenance, KIND, Bells(), actor=lives.ACTOR)

    after = await lives.now(database, job)
    assert (after.status, after["error_code"], after["status_reason"]) == ("FAILED", "TIMEOUT", "timed_out")


async def test_more_leases_than_one_page_holds_are_all_settled(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    jobs = [await lives.running(database) for _ in range(7)]
    await owner.execute("UPDATE executions SET " + lives.LEASE_OVER)

    assert await rescue(maintenance, KIND, Bells(), actor=lives.ACTOR, limit=3) == 7
    assert await rescue(maintenance, KIND, Bells(), actor=lives.ACTOR, limit=3) == 0
    assert {(await lives.now(database, job)).status for job in jobs} == {"PENDING"}
