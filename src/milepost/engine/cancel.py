"""Cancels a job: at once while it waits, by request while it runs. Idempotent."""

from __future__ import annotations

from uuid import UUID

from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.errors import StaleVersion, VersionMismatch
from milepost.domain.job import Job
from milepost.domain.machine import Phase
from milepost.engine.kind import Kind
from milepost.engine.read_job import read_job
from milepost.engine.transit import transit

TRIES = 5


async def cancel(
    database: TenantDatabase,
    kind: Kind,
    job_id: UUID,
    *,
    actor: str,
    note: str | None = None,
    expected_version: int | None = None,
) -> Job:
    """The job afterwards: cancelled, asked to stop, or at the end it had already.

    Raises JobNotFound, VersionMismatch, and StaleVersion when others keep changing the job.
    """
    for _ in range(TRIES):
        job = await read_job(database, kind.table, job_id)
        if expected_version is not None and job.version != expected_version:
            raise VersionMismatch(job_id=job_id, expected=expected_version, current=job.version, job=job)
        if await _settle(database, kind, job, actor, note):
            return await read_job(database, kind.table, job_id)
    raise StaleVersion(job_id=job_id, version="?")


async def _settle(database: TenantDatabase, kind: Kind, job: Job, actor: str, note: str | None) -> bool:
    """False: somebody was first, look again."""
    phase = kind.phase(job)
    if phase.terminal or (phase is Phase.RUNNING and job.cancel_requested_at is not None):
        return True
    if phase is Phase.RUNNING:
        return await database.ledger.request_cancel(kind.table, job.id, job.version, actor)
    try:
        await transit(database, kind, job, decide.cancel_waiting(kind.machine, job, actor=actor, note=note))
    except StaleVersion:
        return False
    return True
