"""However a job comes back to the queue, it does not come back as fast as a worker can turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.outcome import Again, Failed, HandedBack, Outcome
from milepost.domain.policy import Policy
from milepost.domain.transition import Transition
from milepost.kinds.executions.table import MACHINE

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WAYS: dict[str, Outcome] = {
    "handed back": HandedBack(),
    "snoozed": Again(timedelta(), "BUSY", "Later."),
    "tried again": Failed("BROKEN", "x", retry=True),
}


def row(**changes: Any) -> dict[str, Any]:
    return {
        "id": None, "status": "RUNNING", "version": 2, "attempt": 1, "max_attempts": 100, "cancel_requested_at": None,
        "created_at": NOW, "deadline_at": NOW + DAY, **changes,
    }  # fmt: skip


def after(job: dict[str, Any], outcome: Outcome, now: datetime, chance: float) -> Transition:
    return decide.after_attempt(
        MACHINE, Policy(), Job("execution", job), outcome, actor="worker:w", now=now, chance=chance
    )  # fmt: skip


def returns_within(span: timedelta, outcome: Outcome, chance: float) -> int:
    """How often a job comes back whose attempts take no time at all."""
    job, now, count = row(), NOW, 0
    while now < NOW + span:
        found = after(job, outcome, now, chance)
        if found.edge.to_status != MACHINE.queued:
            break
        assert found.delay is not None
        now += found.delay
        count += 1
        job["version"] += 2
        job["attempt"] += found.attempt_step + 1
    return count


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("chance", [0.0, 0.5, 0.99])
def test_no_way_back_is_taken_more_often_than_a_bound(way: str, chance: float) -> None:
    """What uses up an attempt may come back at once, a hundred times at most; the rest ten times, and once a second."""
    bound = 100 if way == "tried again" else 10 + 10 + 600

    assert returns_within(timedelta(minutes=10), WAYS[way], chance) <= bound


def test_a_job_that_is_only_ever_handed_back_is_soon_handed_back_once_a_minute() -> None:
    assert returns_within(HOUR, HandedBack(), 0.5) <= 10 + 2 * 60


def test_ten_stops_of_workers_and_one_a_minute_delay_no_job() -> None:
    def delay(returns: int, age: timedelta) -> timedelta | None:
        return after(row(version=2 * returns + 2), HandedBack(), NOW + age, 0.5).delay

    assert [delay(returns, timedelta()) for returns in (0, 5, 10)] == [timedelta()] * 3
    assert [delay(70, HOUR), delay(1000, DAY - HOUR)] == [timedelta()] * 2
    assert (delay(11, timedelta()) or timedelta()) >= timedelta(seconds=1)


def test_what_was_handed_back_too_often_still_gets_its_turn_before_its_deadline() -> None:
    left = timedelta(seconds=10)
    found = after(row(version=1000, deadline_at=NOW + left), HandedBack(), NOW, 0.99)

    assert found.delay == left / 2


def test_every_edge_into_the_queue_that_nobody_asks_for_is_one_of_these() -> None:
    asked: set[str] = {"created", "retry"}
    back = {edge.reason for edge in MACHINE.edges if edge.to_status == MACHINE.queued}

    # whose worker is lost uses up an attempt
    assert back - asked == {"handed_back", "snoozed", "retry_attempt", "lease_expired"}
