"""Changes of status that come from outside: a remote runner's reports, an operator's hand. The same edges as a worker's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from milepost.db.moves import Moved
from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.errors import IllegalTransition
from milepost.domain.job import Job
from milepost.domain.machine import By, Phase
from milepost.domain.outcome import Cancelled, Done, Failed, Outcome
from milepost.domain.transition import Transition
from milepost.engine.kind import Kind
from milepost.engine.transit import transit


async def report(
    database: TenantDatabase, kind: Kind, job: Job, to_status: str, *, actor: str, columns: Mapping[str, Any]
) -> Moved:
    """Takes the edge to `to_status`. A failure of a job that was asked to stop is its cancellation.

    Raises IllegalTransition, and StaleVersion when the job is at another version, or not due.
    """
    return await transit(database, kind, job, wanted_edge(kind, job, to_status, actor=actor, columns=columns))


def wanted_edge(kind: Kind, job: Job, to_status: str, *, actor: str, columns: Mapping[str, Any]) -> Transition:
    """Pure. Raises IllegalTransition."""
    start, end = kind.phase(job), kind.machine.phase(to_status)
    if start is Phase.QUEUED and to_status == kind.machine.running:
        edge = kind.machine.edge(job.status, to_status, "claimed", By.WORKER)
        held = {"lease_owner": actor, **columns}
        return Transition(job.id, job.version, edge, actor, columns=held, attempt_step=1)
    if start is Phase.QUEUED and end is Phase.CANCELLED:
        return decide.cancel_waiting(kind.machine, job, actor=actor, note=None)._replace(columns=columns)
    outcome = _outcome(end, columns)
    unasked = end is Phase.CANCELLED and job.cancel_requested_at is None
    if start is not Phase.RUNNING or outcome is None or unasked:
        raise IllegalTransition(kind=kind.name, status=job.status, wanted=to_status, job=job)
    # nothing is retried on a runner's word, so neither the time nor chance is asked
    return decide.after_attempt(kind.machine, kind.policy, job, outcome, actor=actor, now=job.scheduled_at, chance=0.0)


def _outcome(end: Phase, columns: Mapping[str, Any]) -> Outcome | None:
    if end is Phase.SUCCEEDED:
        return Done(columns)
    if end is Phase.FAILED:
        rest = {name: value for name, value in columns.items() if name not in {"error_code", "error_message"}}
        code = columns.get("error_code") or "RUNNER_FAILED"
        return Failed(code, columns.get("error_message") or "The runner reported a failure.", columns=rest)
    return Cancelled(columns) if end is Phase.CANCELLED else None
