"""Submits jobs: one row, its money, its history, in one transaction; the bell is rung after the commit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from milepost.db.submits import NewJob, Submitted
from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell
from milepost.domain.errors import IdempotencyKeyReused
from milepost.domain.ids import Ids
from milepost.domain.job import Job
from milepost.domain.transition import Effect
from milepost.engine.kind import Kind, Request
from milepost.engine.ports import Ringer
from milepost.engine.request_digest import request_digest


def new_job(
    kind: Kind,
    request: Request,
    *,
    ids: Ids,
    actor: str,
    user_id: UUID | None,
    idempotency_key: str | None = None,
    effects: tuple[Effect, ...] = (),
) -> NewJob:
    """The row that a valid request asks for. `idempotency_key` is the caller's own; only its digest is stored."""
    job_id = ids()
    columns = kind.columns(request, job_id)
    return NewJob(
        id=job_id,
        actor=actor,
        life=int(kind.policy.queue_time.total_seconds()) + kind.life(request),
        timeout_seconds=request.timeout_seconds,
        columns=columns,
        user_id=user_id,
        priority=request.priority,
        scheduled_at=request.scheduled_at,
        max_attempts=request.max_attempts,
        idempotency_key=key_digest(user_id, idempotency_key) if idempotency_key else None,
        request_digest=request_digest(kind, request, columns) if idempotency_key else None,
        callback_url=request.callback_url,
        effects=effects,
    )


def key_digest(user_id: UUID | None, key: str) -> str:
    """SHA-256 of owner and key, so that one caller's key never meets another's."""
    return hashlib.sha256(str(user_id or "").encode() + b"\x00" + key.encode()).hexdigest()


async def submit(database: TenantDatabase, kind: Kind, new: NewJob, ringer: Ringer) -> Submitted:
    """Commits one job, or finds the one with its idempotency key.

    Raises IdempotencyKeyReused when that one was another request, RowRefused and EffectRefused; then nothing was
    written.
    """
    submitted = await database.ledger.submit(kind.table, new)
    if submitted.created:
        ringer.ring_soon([first_bell(database, kind, new, submitted)])
    else:
        _check_same(new, submitted.job)
    return submitted


async def submit_all(database: TenantDatabase, kind: Kind, new: Sequence[NewJob], ringer: Ringer) -> list[Submitted]:
    """Commits all of them in one transaction or none, or finds them all. Raises as `submit` does."""
    answers = await database.ledger.submit_all(kind.table, new, partial(_check_whole, new))
    pairs = zip(new, answers, strict=True)
    ringer.ring_soon([first_bell(database, kind, job, answer) for job, answer in pairs if answer.created])
    return answers


def first_bell(database: TenantDatabase, kind: Kind, new: NewJob, submitted: Submitted) -> Bell:
    """The bell of a job that was just created."""
    return Bell(database.name, kind.name, new.id, 1, new.priority, submitted.due_at)


def bell(database: TenantDatabase, job: Job) -> Bell:
    return Bell(database.name, job.kind, job.id, job.version, job.priority, job.scheduled_at)


def _check_whole(new: Sequence[NewJob], answers: Sequence[Submitted]) -> None:
    """A batch is new or it is a replay: one that is partly either is another request."""
    found = [(job, answer.job) for job, answer in zip(new, answers, strict=True) if not answer.created]
    for asked, job in found:
        _check_same(asked, job)
    if found and len(found) < len(new):
        raise IdempotencyKeyReused(job_id=found[0][1].id)


def _check_same(new: NewJob, job: Job) -> None:
    known = job["request_digest"]
    # a row of unknown request has a key whose first use cannot be told from another
    if known is not None and new.request_digest is not None and known != new.request_digest:
        raise IdempotencyKeyReused(job_id=job.id)
