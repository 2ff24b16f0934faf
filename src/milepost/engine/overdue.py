"""Ends jobs whose time is over: waiting past their deadline, running past it or past their attempt's limit."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from milepost.db import sweeps
from milepost.db.rows import CHORE_SECONDS
from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.transition import Transition
from milepost.engine.kind import Kind
from milepost.engine.ports import Ringer
from milepost.engine.settle import settle


async def overdue(database: TenantDatabase, kind: Kind, ringer: Ringer, *, actor: str, limit: int = 500) -> int:
    """Times out what waits and what runs, `limit` at a time. Answers how many."""
    waiting = await _waiting(database, kind, ringer, actor=actor, limit=limit)
    sql = sweeps.overdue_running(kind.table, kind.preview)
    return waiting + await _by_id(database, kind, ringer, sql, _decision(kind, actor), limit)


async def stray(database: TenantDatabase, kind: Kind, ringer: Ringer, *, actor: str, limit: int = 500) -> int:
    """Ends running jobs that nobody has a lease on: those asked to stop, those overdue. Reads the whole table: rarely."""
    sql = sweeps.strays(kind.table, kind.preview)

    def decided(job: Job) -> Transition:
        return decide.after_lost_lease(kind.machine, job, actor=actor, now=job["asked_at"])

    return await _by_id(database, kind, ringer, sql, decided, limit, seconds=CHORE_SECONDS)


async def _waiting(database: TenantDatabase, kind: Kind, ringer: Ringer, *, actor: str, limit: int) -> int:
    ended, failed = 0, list[UUID]()
    while True:
        sql = sweeps.overdue_waiting(kind.table, kind.preview)
        jobs = await sweeps.fetch_jobs(database, kind.table, sql, failed, limit)
        moved = await settle(database, kind, jobs, _decision(kind, actor), ringer)
        ended += moved
        if len(jobs) < limit or len(failed) > limit:
            return ended
        if moved < len(jobs):
            failed += [job.id for job in jobs]


async def _by_id(
    database: TenantDatabase,
    kind: Kind,
    ringer: Ringer,
    sql: str,
    decided: Callable[[Job], Transition],
    limit: int,
    *,
    seconds: float | None = None,
) -> int:
    ended, after = 0, sweeps.FIRST
    while True:
        jobs = await sweeps.fetch_jobs(database, kind.table, sql, after, limit, limit=seconds)
        ended += await settle(database, kind, jobs, decided, ringer)
        if len(jobs) < limit:
            return ended
        after = jobs[-1].id


def _decision(kind: Kind, actor: str) -> Callable[[Job], Transition]:
    def decided(job: Job) -> Transition:
        return decide.overdue(kind.machine, job, actor=actor)

    return decided
