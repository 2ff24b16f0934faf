"""Why a job is not running: the first reason that holds, with what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from milepost.db import counts
from milepost.db.connections import Connection
from milepost.db.counts import Place
from milepost.db.tenants import TenantDatabase
from milepost.domain.job import Job
from milepost.domain.machine import Phase
from milepost.domain.text import grouped
from milepost.engine.kind import Kind
from milepost.engine.read_job import read_job

Reason = Literal[
    "not_due", "queued", "backing_off", "no_worker", "leased", "paused", "cancel_requested", "ended",
]  # fmt: skip
# reasons of the edges into the queue after which a wait is a back-off
BACK_OFF = frozenset({"retry_attempt", "snoozed"})
SILENT = " Its lease has expired: if the holder stays silent, the job is taken from it within seconds."


@dataclass(frozen=True, slots=True)
class Held:
    """The lease on a running job."""

    by: str
    since: datetime
    expires_at: datetime
    expired: bool


@dataclass(frozen=True, slots=True)
class Why:
    """The reason, and what there is to know beside it; `text` is the same for people.

    `ahead`: due jobs that go before this one, exact up to 10,000; `ahead_more`: or more. `workers`: alive and
    able to run this kind; None when Redis, which knows, does not answer.
    """

    reason: Reason
    text: str
    status: str
    version: int
    due_at: datetime | None = None
    ahead: int | None = None
    ahead_more: bool = False
    lease: Held | None = None
    attempt: int = 0
    max_attempts: int = 0
    error_code: str | None = None
    error_message: str | None = None
    cancel_requested_at: datetime | None = None
    workers: int | None = None


async def why(database: TenantDatabase, kind: Kind, job: Job, workers: int | None) -> Why:
    """Looks at the job again: what is said of it must fit together. Raises JobNotFound, Unavailable."""

    async def look(connection: Connection) -> tuple[Place | None, datetime]:
        found = await counts.place(connection, kind.table, job.id)
        return found, found.asked_at if found else await connection.fetchval("SELECT now()")

    job = await read_job(database, kind.table, job.id)
    place, now = await database.connections.run(look)
    if (place is None) == (kind.phase(job) is Phase.QUEUED):  # moved between the two looks
        job = await read_job(database, kind.table, job.id)
        place, now = await database.connections.run(look)
    return explain(kind, job, place, now, workers)


def explain(kind: Kind, job: Job, place: Place | None, now: datetime, workers: int | None) -> Why:
    """Pure: a row, its place, the database's time."""
    reason = _reason(kind, job, place, workers)
    lease = _lease(job, now)
    waits = place is not None
    return Why(
        reason=reason,
        text=_text(reason, kind, job, place, lease, now),
        status=job.status,
        version=job.version,
        due_at=job.scheduled_at if waits else None,
        ahead=place.ahead.count if place is not None and place.due else None,
        ahead_more=place is not None and place.due and place.ahead.more,
        lease=lease,
        attempt=job.attempt,
        max_attempts=job.max_attempts,
        error_code=job["error_code"],
        error_message=job["error_message"],
        cancel_requested_at=job.cancel_requested_at,
        workers=workers,
    )


def _reason(kind: Kind, job: Job, place: Place | None, workers: int | None) -> Reason:
    phase = kind.phase(job)
    if phase.terminal:
        return "ended"
    if phase is Phase.PAUSED:
        return "paused"
    if phase is Phase.RUNNING:
        return "cancel_requested" if job.cancel_requested_at is not None else "leased"
    if place is not None and not place.due:
        return "backing_off" if _edge(job) in BACK_OFF else "not_due"
    return "no_worker" if workers == 0 else "queued"


def _edge(job: Job) -> str:
    return (job["status_reason"] or "").partition(" ")[0]


def _lease(job: Job, now: datetime) -> Held | None:
    if job.lease_owner is None or job.claimed_at is None or job.lease_expires_at is None:
        return None
    return Held(job.lease_owner, job.claimed_at, job.lease_expires_at, job.lease_expires_at <= now)


def _text(reason: Reason, kind: Kind, job: Job, place: Place | None, lease: Held | None, now: datetime) -> str:
    wait = _wait(job.scheduled_at, now)
    by = lease.by if lease else "somebody unknown"
    since = f" since {_clock(lease.since)}" if lease else ""
    asked = f" at {_clock(job.cancel_requested_at)}" if job.cancel_requested_at else ""
    attempt = f"attempt {job.attempt} of {job.max_attempts}"
    told = f" ({job['error_code']})" if job["error_code"] else ""
    texts: dict[Reason, str] = {
        "ended": f"It ended: {job.status}{told}.",
        "paused": "It is paused. Resume it to let it go on.",
        "leased": f"It is running: {attempt}, held by {by}{since}.",
        "cancel_requested": f"It was asked to stop{asked} and is being stopped by {by}.",
        "not_due": f"It is not due yet: it may run {wait}.",
        "backing_off": f"{attempt.capitalize()} did not end well{told}; the next is due {wait}.",
        "no_worker": f"It is due, but no worker for {kind.path} is alive. Start one: 'milepost worker {kind.path}'.",
        "queued": f"It is due; {_ahead(place)}.",
    }
    return texts[reason] + (SILENT if lease is not None and lease.expired else "")


def _ahead(place: Place | None) -> str:
    if place is None or not (place.ahead.count or place.ahead.more):
        return "no job goes before it"
    some = ("at least " if place.ahead.more else "") + grouped(place.ahead.count)
    return f"{some} due {'job goes' if some == '1' else 'jobs go'} before it"


def _wait(due: datetime, now: datetime) -> str:
    due = due.replace(tzinfo=UTC)  # the driver reads an infinity without an offset
    return f"in {_span(due, now)}, at {_clock(due)}"


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _span(later: datetime, now: datetime) -> str:
    seconds = max(0, round((later - now).total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
