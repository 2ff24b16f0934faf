"""No-op jobs in bulk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from benchmarks.stage import Place
from milepost.db.ids import new_id
from milepost.db.submits import NewJob
from milepost.kinds.executions import KIND

GROUP = 500
COLUMNS = {
    "prompt": "Say nothing.",
    "model": "offline/extract",
    "max_tokens": 16,
    "usage_estimated": False,
    "is_permanent": False,
}


def new_jobs(place: Place, count: int) -> list[NewJob]:
    return [_new_job(place, new_id()) for _ in range(count)]


def _new_job(place: Place, job_id: UUID) -> NewJob:
    columns = {**COLUMNS, "job_name": f"exec-{job_id.hex[-12:]}"}
    return NewJob(id=job_id, actor="key:bench", life=600, timeout_seconds=600, columns=columns, user_id=place.user_id)


async def insert(place: Place, jobs: Sequence[NewJob]) -> list[UUID]:
    """Submits in groups, two at a time."""
    parts = [jobs[start : start + GROUP] for start in range(0, len(jobs), GROUP)]
    for pair in zip(parts[::2], [*parts[1::2], []], strict=False):
        await asyncio.gather(*(place.database.ledger.submit_all(KIND.table, part) for part in pair if part))
    return [job.id for job in jobs]
