"""Ends the jobs of users who may not run any: waiting ones fail (suspended) or are cancelled (deleted)."""

from __future__ import annotations

from milepost.db import sweeps
from milepost.db.sweeps import BEGINNING
from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.transition import Transition
from milepost.engine.kind import Kind
from milepost.engine.ports import Ringer
from milepost.engine.settle import settle


class Inactive:
    """Walks the queue of one kind round and round, a page at each tick: no index by owner is paid for it."""

    def __init__(self) -> None:
        self._place = BEGINNING

    async def tick(self, database: TenantDatabase, kind: Kind, ringer: Ringer, *, actor: str, limit: int = 5000) -> int:
        """Looks at the next `limit` waiting jobs, and asks deleted users' running ones to stop. Answers how many."""
        page = await sweeps.fetch_owned(database, sweeps.owners_after(kind.table), *self._place, limit)
        ended = await self._end(database, kind, ringer, page, actor)
        self._place = page[-1].place if len(page) == limit else BEGINNING
        return ended + await _stop_running(database, kind, actor, min(limit, 500))

    async def _end(
        self, database: TenantDatabase, kind: Kind, ringer: Ringer, page: list[sweeps.Owned], actor: str
    ) -> int:
        found = {job.id: job.user_status for job in page if job.user_status not in {None, "active"}}

        def decided(job: Job) -> Transition:
            choose = decide.owner_deleted if found[job.id] == "deleted" else decide.owner_inactive
            return choose(kind.machine, job, actor=actor)

        ended, ids = 0, list(found)
        for start in range(0, len(ids), 500):
            sql = sweeps.by_id(kind.table, kind.preview)
            jobs = await sweeps.fetch_jobs(database, kind.table, sql, ids[start : start + 500])
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
