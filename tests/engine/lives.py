"""Jobs in the states that maintenance deals with."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.outcome import Done
from milepost.engine.read_job import read_job
from milepost.engine.transit import transit
from milepost.kinds.executions import KIND
from tests.factories import new_execution

ACTOR = "maintenance:m1"


async def waiting(database: TenantDatabase, **changes: Any) -> Job:
    return (await database.ledger.submit(KIND.table, new_execution(**changes))).job


async def running(database: TenantDatabase, **changes: Any) -> Job:
    job = await waiting(database, **changes)
    return (await database.ledger.claim(KIND.table, [(job.id, job.version)], "w1", 20)).jobs[0]


async def finished(database: TenantDatabase, **changes: Any) -> Job:
    job = await running(database, **changes)
    wanted = decide.after_attempt(
        KIND.machine, KIND.policy, job, Done({"output": "x"}), actor="worker:w1", now=job.scheduled_at, chance=0.5
    )
    await transit(database, KIND, job, wanted)
    return await now(database, job)


async def now(database: TenantDatabase, job: Job) -> Job:
    return await read_job(database, KIND.table, job.id)


async def alter(owner: Any, job: Job, changes: str) -> None:
    """What time would have done."""
    await owner.execute(f"UPDATE executions SET {changes} WHERE id = $1", job.id)


async def new_user(owner: Any, status: str = "active") -> UUID:
    gone = "now()" if status == "deleted" else "NULL"
    return await owner.fetchval(f"INSERT INTO users (status, deleted_at) VALUES ($1, {gone}) RETURNING id", status)


LEASE_OVER = "lease_expires_at = now() - interval '1 second'"
