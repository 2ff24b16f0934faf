"""How long things wait: frozen values and arithmetic. Chance is passed in, time is a duration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with full jitter: random(0, min(cap, base * 2^(attempt - 1))).

    Source of the formula: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    base: timedelta = timedelta(seconds=2)
    cap: timedelta = timedelta(minutes=5)

    def delay(self, attempt: int, chance: float) -> timedelta:
        """`chance` is uniform in [0, 1)."""
        # 2^62 s is beyond any cap; a larger exponent would overflow timedelta
        ceiling = min(self.cap.total_seconds(), self.base.total_seconds() * 2.0 ** min(max(attempt, 1) - 1, 62))
        return timedelta(seconds=ceiling * chance)


@dataclass(frozen=True, slots=True)
class Lease:
    """A worker's right to a job: how long it lasts, how often it is renewed, how long a cancelled handler may linger."""

    length: timedelta = timedelta(seconds=20)
    beat_every: timedelta = timedelta(seconds=5)
    cancel_grace: timedelta = timedelta(seconds=10)
    overdue_grace: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a finished job stays when nobody said otherwise, counted from `since`, one of its columns."""

    keep: timedelta = timedelta(days=30)
    since: Literal["finished_at", "created_at"] = "finished_at"


@dataclass(frozen=True, slots=True)
class Policy:
    """A kind's waits in one value.

    `queue_time`: beside its own limit every job may wait this long in all, back-off and retries included.
    """

    backoff: Backoff = Backoff()
    lease: Lease = Lease()
    retention: Retention | None = Retention()
    queue_time: timedelta = timedelta(hours=24)
