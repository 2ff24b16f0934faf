"""Jobs as lines of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from milepost.db.reads import Listed, Part, Wanted, list_jobs
from milepost.domain.job import Job
from milepost.domain.machine import Phase
from milepost.engine.kind import Kind
from milepost.engine.sessions import Viewer


@dataclass(frozen=True, slots=True)
class Row:
    """`what`: its title. `status`: the kind's own, where several stand for one phase."""

    kind: Kind
    job: Job
    phase: Phase
    what: str
    status: str
    took: timedelta | None


async def find_rows(viewer: Viewer, kinds: Sequence[Kind], wanted: Wanted, part: Part) -> tuple[list[Row], Listed]:
    """Raises SearchTooSlow."""
    by_name = {kind.name: kind for kind in kinds}
    listings = [kind.listing for kind in kinds]
    found = await list_jobs(viewer.database.connections, listings, wanted, part)
    return [row_of(by_name[job.kind], job) for job in found.jobs], found


def row_of(kind: Kind, job: Job) -> Row:
    phase = kind.phase(job)
    status = job.status if len(kind.machine.statuses(phase)) > 1 else ""
    return Row(kind, job, phase, kind.title(job), status, took(job))


def took(job: Job) -> timedelta | None:
    """From the first start to the end."""
    started, finished = job.started_at, job["finished_at"]
    return finished - started if started is not None and finished is not None else None
