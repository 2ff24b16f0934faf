"""Gives back the jobs of workers that went silent: queued again, cancelled, timed out, or lost."""

from __future__ import annotations

from milepost.db import sweeps
from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.engine.kind import Kind
from milepost.engine.ports import Ringer
from milepost.engine.settle import settle


async def rescue(database: TenantDatabase, kind: Kind, ringer: Ringer, *, actor: str, limit: int = 500) -> int:
    """Settles every expired lease, `limit` at a time. Answers how many."""
    settled, after = 0, sweeps.FIRST
    while True:
        sql = sweeps.expired_leases(kind.table, kind.preview)
        jobs = await sweeps.fetch_jobs(database, kind.table, sql, after, limit)
        settled += await settle(
            database,
            kind,
            jobs,
            lambda job: decide.after_lost_lease(kind.machine, job, actor=actor, now=job["asked_at"]),
            ringer,
        )
        if len(jobs) < limit:
            return settled
        after = jobs[-1].id
