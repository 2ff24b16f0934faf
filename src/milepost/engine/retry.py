"""Retries an ended job on somebody's word: the same row lives again, its history goes on."""

from __future__ import annotations

from uuid import UUID

from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.errors import StaleVersion, VersionMismatch
from milepost.domain.job import Job
from milepost.engine.kind import Kind
from milepost.engine.ports import Ringer
from milepost.engine.read_job import read_job
from milepost.engine.transit import bell_after, transit

TRIES = 5


async def retry(
    database: TenantDatabase,
    kind: Kind,
    job_id: UUID,
    ringer: Ringer,
    *,
    actor: str,
    note: str | None = None,
    timeout_seconds: int | None = None,
    expected_version: int | None = None,
) -> Job:
    """The job, waiting again: at once, or until its own time if it never began and that is still ahead.

    Raises JobNotFound, IllegalTransition, VersionMismatch, StaleVersion, EffectRefused.
    """
    for _ in range(TRIES):
        job = await read_job(database, kind.table, job_id)
        if expected_version is not None and job.version != expected_version:
            raise VersionMismatch(job_id=job_id, expected=expected_version, current=job.version, job=job)
        wanted = decide.retry(kind.machine, job, actor=actor, note=note, timeout_seconds=timeout_seconds)
        try:
            moved = await transit(database, kind, job, wanted)
        except StaleVersion:
            continue
        await ringer.ring([bell_after(database, kind, job, moved)])
        return await read_job(database, kind.table, job_id)
    raise StaleVersion(job_id=job_id, version="?")
