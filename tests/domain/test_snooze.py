"""How long a job waits whose provider told it to come back later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.outcome import Again
from milepost.domain.policy import Backoff, Policy
from milepost.domain.transition import Transition
from milepost.kinds.executions.table import MACHINE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
POLICY = Policy(backoff=Backoff(base=2 * SECOND, cap=60 * SECOND))


def snoozed(
    wait: timedelta, *, version: int = 2, left: timedelta = timedelta(hours=1), chance: float = 0.0
) -> Transition:
    row = {
        "id": None, "status": "RUNNING", "version": version, "attempt": 1, "max_attempts": 3,
        "cancel_requested_at": None, "deadline_at": NOW + left,
    }  # fmt: skip
    again = Again(wait, "PROVIDER_RATE_LIMITED", "Later.")
    return decide.after_attempt(MACHINE, POLICY, Job("execution", row), again, actor="worker:w", now=NOW, chance=chance)


def delay(wait: timedelta, **case: object) -> timedelta:
    found = snoozed(wait, **case).delay  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("wait", [timedelta(), -5 * SECOND, timedelta(milliseconds=3)])
def test_a_wait_of_nothing_becomes_a_second(wait: timedelta) -> None:
    assert delay(wait) == SECOND


def test_a_job_never_comes_back_before_it_was_told_to() -> None:
    assert delay(30 * SECOND) == 30 * SECOND
    assert delay(30 * SECOND, chance=0.5) == 31 * SECOND


def test_a_job_that_is_snoozed_again_and_again_waits_longer_within_bounds() -> None:
    waits = [delay(timedelta(), version=version, chance=0.5) for version in (2, 4, 6, 8, 100, 2**31 - 1)]

    assert waits == [2 * SECOND, 3 * SECOND, 5 * SECOND, 9 * SECOND, 31 * SECOND, 31 * SECOND]


def test_a_wait_beyond_the_deadline_is_the_end() -> None:
    assert snoozed(30 * SECOND, left=30 * SECOND).edge.reason == "failed"
    assert snoozed(timedelta(), left=SECOND).edge.reason == "failed"


def test_chance_alone_never_puts_a_job_beyond_its_deadline() -> None:
    found = snoozed(30 * SECOND, version=100, left=40 * SECOND, chance=0.99)

    assert (found.edge.reason, found.delay) == ("snoozed", 35 * SECOND)
