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
from milepost.domain.text import storable
from milepost.domain.transition import Effect, Transition

# every end of an attempt that a cancel request beats
Ended = Again | Failed | Cancelled | TimedOut | HandedBack
# "come back at once" from a provider would be a loop as fast as the worker can turn
SHORTEST_SNOOZE = timedelta(seconds=1)
FREE_RETURNS, FREE_RETURN_EVERY = 10, timedelta(minutes=1)
LONGEST_MESSAGE = 2000
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
        return _cancelled(machine, job, outcome, actor)
    match outcome:
        case Failed():
            return _failed(machine, policy, job, outcome, actor=actor, now=now, chance=chance)
        case Again():
            return _snoozed(machine, policy, job, outcome, actor=actor, now=now, chance=chance)
        case TimedOut():
            error = {"error_code": "TIMEOUT", "error_message": TIMEOUT_MESSAGE.format(job.timeout_seconds)}
            edge = machine.edge(status, machine.timed_out, "timed_out", By.WORKER)
            columns = {**outcome.columns, **error}
            return _move(edge, job, actor, columns=columns, effects=outcome.effects, note=outcome.note)
        case HandedBack():
            return _handed_back(machine, policy, job, outcome, actor=actor, now=now, chance=chance)
        case _:
            assert_never(outcome)


def succeeded(machine: StateMachine, job: Job, done: Done, *, actor: str) -> Transition:
    """The edge of a finished attempt. Raises IllegalTransition where the kind has no such way to succeed."""
    edge = machine.find(job.status, done.reason, By.WORKER)
    if edge is None:
        raise IllegalTransition(kind=machine.kind, status=job.status, wanted=done.reason)
    return _move(edge, job, actor, columns=done.columns, effects=done.effects)


def _cancelled(machine: StateMachine, job: Job, outcome: Ended, actor: str) -> Transition:
    edge = machine.edge(job.status, machine.cancelled, "cancelled", By.WORKER)
    effects = () if isinstance(outcome, Again) else outcome.effects
    note = None if isinstance(outcome, Again | Failed) else outcome.note
    return _move(edge, job, actor, columns=outcome.columns, effects=effects, note=note)


def _handed_back(
    machine: StateMachine, policy: Policy, job: Job, outcome: HandedBack, *, actor: str, now: datetime, chance: float
) -> Transition:
    edge = machine.edge(job.status, machine.queued, "handed_back", By.WORKER)
    delay = _return_delay(policy, job, now=now, chance=chance)
    return _move(
        edge, job, actor,
        columns=outcome.columns, effects=outcome.effects, note=outcome.note, delay=delay, attempt_step=-1,
    )  # fmt: skip


def _return_delay(policy: Policy, job: Job, *, now: datetime, chance: float) -> timedelta:
    """None for ten returns, and for one a minute more: what returns more often than workers are stopped is a loop.

    Half of the versions are claims, and what is not an attempt of them used up none.
    """
    free = job.version // 2 - job.attempt
    beyond = free - FREE_RETURNS - (now - job["created_at"]) // FREE_RETURN_EVERY
    if beyond <= 0:
        return timedelta()
    wait = max(policy.backoff.delay(beyond, chance), SHORTEST_SNOOZE)
    return max(min(wait, (job.deadline_at - now) / 2), timedelta())


def _failed(
    machine: StateMachine, policy: Policy, job: Job, failed: Failed, *, actor: str, now: datetime, chance: float
) -> Transition:
    columns = {**failed.columns, "error_code": failed.code, "error_message": storable(failed.message, LONGEST_MESSAGE)}
    delay = max(policy.backoff.delay(job.attempt, chance), failed.wait or timedelta())
    if failed.retry and job.attempt < job.max_attempts and delay < job.deadline_at - now:
        edge = machine.edge(job.status, machine.queued, "retry_attempt", By.WORKER)
        # an attempt's rows belong to the edge that ends the attempt, whichever it is
        return _move(edge, job, actor, columns=columns, delay=delay, effects=failed.effects)
    edge = machine.edge(job.status, machine.failed, "failed", By.WORKER)
    return _move(edge, job, actor, columns=columns, effects=failed.effects)


def _snoozed(
    machine: StateMachine, policy: Policy, job: Job, again: Again, *, actor: str, now: datetime, chance: float
) -> Transition:
    columns = {**again.columns, "error_code": again.code, "error_message": storable(again.message, LONGEST_MESSAGE)}
    wait = max(again.wait, SHORTEST_SNOOZE)
    remaining = job.deadline_at - now
    left = remaining - min(wait, remaining)  # a wait may be longer than any time that can be named
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
    """A step from one running status to the next, the lease being kept. Raises IllegalTransition."""
    edge = machine.edge(job.status, to_status, reason, By.WORKER)
    if machine.phase(edge.to_status) is not Phase.RUNNING:
        raise IllegalTransition(kind=machine.kind, status=job.status, wanted=to_status)
    return _move(edge, job, actor, columns=columns)


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
