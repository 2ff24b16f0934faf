"""Many jobs followed at once: in which phase each is, and when the last of them is expected to end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from uuid import UUID

from milepost.client.records import TERMINAL
from milepost.domain.estimate import Forecast, Left, of_all, told


class Crowd:
    """Its jobs wait at first. Kinds are done by workers of their own, side by side, so each is judged by its own pace."""

    def __init__(self, kinds: Mapping[UUID, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._kinds = kinds
        self._phases = dict.fromkeys(kinds, "queued")
        self.counts = Counter(self._phases.values())
        self._open = Counter(kinds.values())
        self._totals = dict(self._open)
        self._forecasts = dict.fromkeys(self._totals, Forecast())
        self._clock = clock
        self._began = clock()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return self._clock() - self._began

    @property
    def total(self) -> int:
        return len(self._kinds)

    @property
    def ended(self) -> int:
        return self.total - self._open.total()

    def note(self, job_id: UUID, phase: str) -> None:
        """A job that is none of ours, or that has ended, stays as it is."""
        before = self._phases.get(job_id)
        if before is None or before in TERMINAL:
            return
        self._phases[job_id] = phase
        self.counts.subtract([before])
        self.counts.update([phase])
        if phase in TERMINAL:
            self._end(self._kinds[job_id])

    def left(self) -> Left | None:
        """Until the last one ends; None when nothing may be said, and when all have."""
        now = self.seconds
        known = [self._forecasts[kind] for kind, still in self._open.items() if still]
        return of_all(told(now, forecast.expected, forecast.promised) for forecast in known)

    def _end(self, kind: str) -> None:
        self._open[kind] -= 1
        done = 1 - self._open[kind] / self._totals[kind]
        self._forecasts[kind] = self._forecasts[kind].heard(self.seconds, done)
