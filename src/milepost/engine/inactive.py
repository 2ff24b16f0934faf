"""Ends the jobs of users who may not run any: waiting ones fail (suspended) or are cancelled (deleted)."""

from __future__ import annotations

from uuid import UUID

from milepost.db import sweeps
from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.transition import Transition
from milepost.engine.kind import Kind
from milepost.engine.ports import Ringer
from milepost.engine.settle import settle

AT_ONCE = 500


async def end_inactive(
    database: TenantDatabase, kind: Kind, ringer: Ringer, *, actor: str, limit: int = 5000, most: int = 50_000
) -> int:
    """Ends up to `most` waiting jobs, and asks deleted users' running ones to stop. Answers how many.

    It asks for the users who are not active, of whom there are few, and never for the queue, however long that is.
    """
    ended, user, left = 0, sweeps.FIRST, list[UUID]()
    while ended < most and len(left) <= limit:
        page = await sweeps.fetch_owned(database, sweeps.waiting_of_inactive(kind.table), user, left, limit)
        moved = await _end(database, kind, ringer, page, actor)
        ended += moved
        if len(page) < limit:
            break
        user = page[-1].user_id
        if moved < len(page):
            left += [job.id for job in page]
    return ended + await _stop_running(database, kind, actor, min(limit, AT_ONCE))


async def _end(database: TenantDatabase, kind: Kind, ringer: Ringer, page: list[sweeps.Owned], actor: str) -> int:
    found = {job.id: job.user_status for job in page}

    def decided(job: Job) -> Transition:
        choose = decide.owner_deleted if found[job.id] == "deleted" else decide.owner_inactive
        return choose(kind.machine, job, actor=actor)

    ended, ids = 0, list(found)
    for start in range(0, len(ids), AT_ONCE):
        sql = sweeps.by_id(kind.table, kind.preview)
        jobs = await sweeps.fetch_jobs(database, kind.table, sql, ids[start : start + AT_ONCE])
        ended += await settle(database, kind, jobs, decided, ringer)
    return ended


async def _stop_running(database: TenantDatabase, kind: Kind, actor: str, limit: int) -> int:
    asked, after = 0, sweeps.FIRST
    while True:
        page = await sweeps.fetch_leased(database, sweeps.leased_owners_after(kind.table), after, limit)
        for job in page:
            if job.user_status == "deleted":
                asked += await database.ledger.request_cancel(kind.table, job.id, job.version, actor)
        if len(page) < limit:
            return asked
        after = page[-1].id
