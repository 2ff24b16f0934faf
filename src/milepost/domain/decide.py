"""Decides what happens to a job next. Pure: rows, values and chance in, one Transition out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never

from milepost.domain.errors import IllegalTransition
from milepost.domain.job import Job
from milepost.domain.machine import By, Edge, Phase, StateMachine
from milepost.domain.outcome import Again, Cancelled, Done, Failed, HandedBack, Outcome, TimedOut
from milepost.domain.policy import Policy
from milepost.domain.transition import Effect, Transition

# "come back at once" from a provider would be a loop as fast as the worker can turn
SHORTEST_SNOOZE = timedelta(seconds=1)
TIMEOUT_MESSAGE = "The attempt ran longer than its limit of {0} seconds. Retry it with a longer timeout_seconds."


def after_attempt(
    machine: StateMachine, policy: Policy, job: Job, outcome: Outcome, *, actor: str, now: datetime, chance: float
) -> Transition:
    """What the end of an attempt leads to.

    Success beats a cancel request (the work was paid for); a cancel request beats every other end.
    """
    if isinstance(outcome, Done):
        return succeeded(machine, job, outcome, actor=actor)
    status = job.status
    if job.cancel_requested_at is not None or isinstance(outcome, Cancelled):
        effects = outcome.effects if isinstance(outcome, Cancelled | Failed) else ()
        return _cancelled(machine, job, outcome.columns, actor, effects)
    match outcome:
        case Failed():
            return _failed(machine, policy, job, outcome, actor=actor, now=now, chance=chance)
        case Again():
            return _snoozed(machine, policy, job, outcome, actor=actor, now=now, chance=chance)
        case TimedOut():
            error = {"error_code": "TIMEOUT", "error_message": TIMEOUT_MESSAGE.format(job.timeout_seconds)}
            edge = machine.edge(status, machine.timed_out, "timed_out", By.WORKER)
            return _move(edge, job, actor, columns={**outcome.columns, **error})
        case HandedBack():
            edge = machine.edge(status, machine.queued, "handed_back", By.WORKER)
            return _move(edge, job, actor, columns=outcome.columns, delay=timedelta(), attempt_step=-1)
        case _:
            assert_never(outcome)


def succeeded(machine: StateMachine, job: Job, done: Done, *, actor: str) -> Transition:
    """The edge of a finished attempt. Raises IllegalTransition where the kind has no such way to succeed."""
    edge = machine.find(job.status, done.reason, By.WORKER)
    if edge is None:
        raise IllegalTransition(kind=machine.kind, status=job.status, wanted=done.reason)
    return _move(edge, job, actor, columns=done.columns, effects=done.effects)


def _cancelled(
    machine: StateMachine, job: Job, columns: Mapping[str, Any], actor: str, effects: tuple[Effect, ...]
) -> Transition:
    edge = machine.edge(job.status, machine.cancelled, "cancelled", By.WORKER)
    return _move(edge, job, actor, columns=columns, effects=effects)


def _failed(
    machine: StateMachine, policy: Policy, job: Job, failed: Failed, *, actor: str, now: datetime, chance: float
) -> Transition:
    columns = {**failed.columns, "error_code": failed.code, "error_message": failed.message[:2000]}
    delay = max(policy.backoff.delay(job.attempt, chance), failed.wait or timedelta())
    if failed.retry and job.attempt < job.max_attempts and now + delay < job.deadline_at:
        edge = machine.edge(job.status, machine.queued, "retry_attempt", By.WORKER)
        # an attempt's rows belong to the edge that ends the attempt, whichever it is
        return _move(edge, job, actor, columns=columns, delay=delay, effects=failed.effects)
    edge = machine.edge(job.status, machine.failed, "failed", By.WORKER)
    return _move(edge, job, actor, columns=columns, effects=failed.effects)


def _snoozed(
    machine: StateMachine, policy: Policy, job: Job, again: Again, *, actor: str, now: datetime, chance: float
) -> Transition:
    columns = {**again.columns, "error_code": again.code, "error_message": again.message[:2000]}
    wait = max(again.wait, SHORTEST_SNOOZE)
    left = job.deadline_at - now - wait
    if left <= timedelta():
        edge = machine.edge(job.status, machine.failed, "failed", By.WORKER)
        return _move(edge, job, actor, columns=columns)
    # a snooze counts no attempt, so the versions, two for every claim, tell how often the job came back
    more = min(policy.backoff.delay(job.version // 2, chance), left / 2)
    edge = machine.edge(job.status, machine.queued, "snoozed", By.WORKER)
    return _move(edge, job, actor, columns=columns, delay=wait + more, attempt_step=-1)


def after_lost_lease(machine: StateMachine, job: Job, *, actor: str, now: datetime) -> Transition:
    """What becomes of a running job whose worker is silent: cancel request, deadline, attempts left, worker lost."""
    if job.cancel_requested_at is not None:
        return _move(machine.edge(job.status, machine.cancelled, "cancelled", By.MAINTENANCE), job, actor)
    if job.deadline_at <= now:
        return overdue(machine, job, actor=actor)
    if job.attempt < job.max_attempts:
        edge = machine.edge(job.status, machine.queued, "lease_expired", By.MAINTENANCE)
        return _move(edge, job, actor, delay=timedelta())
    message = f"The worker of attempt {job.attempt} of {job.max_attempts} disappeared. Retry the job to run it again."
    edge = machine.edge(job.status, machine.failed, "lease_expired", By.MAINTENANCE)
    return _move(edge, job, actor, columns={"error_code": "WORKER_LOST", "error_message": message})


def overdue(machine: StateMachine, job: Job, *, actor: str) -> Transition:
    """The end of a job, waiting or running, whose time is over."""
    waited = machine.phase(job.status) is Phase.QUEUED and job.started_at is None
    code = "QUEUE_TIMEOUT" if waited else "TIMEOUT"
    what = "No worker took the job" if waited else "The job was not finished"
    message = f"{what} before its time was over. Retry the job to give it a new deadline."
    edge = machine.edge(job.status, machine.timed_out, "timed_out", By.MAINTENANCE)
    return _move(edge, job, actor, columns={"error_code": code, "error_message": message})


def owner_inactive(machine: StateMachine, job: Job, *, actor: str) -> Transition:
    """The end of a waiting job whose user was suspended."""
    edge = machine.edge(job.status, machine.failed, "user_inactive", By.MAINTENANCE)
    message = "The job's user was suspended while it waited. Retry the job when the user is active again."
    return _move(edge, job, actor, columns={"error_code": "USER_INACTIVE", "error_message": message})


def owner_deleted(machine: StateMachine, job: Job, *, actor: str) -> Transition:
    """The end of a waiting job whose user was deleted."""
    edge = machine.edge(job.status, machine.cancelled, "cancelled", By.MAINTENANCE)
    return _move(edge, job, actor, note="its user was deleted")


def cancel_waiting(machine: StateMachine, job: Job, *, actor: str, note: str | None) -> Transition:
    """A cancel of a job that nobody runs: at once."""
    edge = machine.edge(job.status, machine.cancelled, "cancelled", By.PRODUCER)
    return _move(edge, job, actor, note=note)


def retry(
    machine: StateMachine, job: Job, *, actor: str, note: str | None, timeout_seconds: int | None = None
) -> Transition:
    """An explicit retry: everything of the last life is cleared by the edge, the deadline starts anew.

    A job that never began, and whose time is still ahead, keeps that time.
    """
    edge = machine.edge(job.status, machine.queued, "retry", By.PRODUCER)
    columns = {} if timeout_seconds is None else {"timeout_seconds": timeout_seconds}
    return _move(edge, job, actor, note=note, columns=columns, delay=timedelta())


def advance(
    machine: StateMachine, job: Job, to_status: str, *, actor: str, reason: str, columns: Mapping[str, Any]
) -> Transition:
    """A step from one running status to the next, the lease being kept."""
    return _move(machine.edge(job.status, to_status, reason, By.WORKER), job, actor, columns=columns)


def _move(
    edge: Edge,
    job: Job,
    actor: str,
    *,
    note: str | None = None,
    columns: Mapping[str, Any] | None = None,
    effects: tuple[Effect, ...] = (),
    delay: timedelta | None = None,
    attempt_step: int = 0,
) -> Transition:
    row = job.row
    return Transition(row["id"], row["version"], edge, actor, note, delay, attempt_step, columns or {}, effects)
