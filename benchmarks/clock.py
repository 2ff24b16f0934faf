"""A bar whose steps are of unequal length, with an estimate of the rest that learns how fast this machine is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

# how much of the expectation is kept while little has been seen, in seconds of expected work
INERTIA = 30.0


class Clock:
    """`expected` holds seconds per step."""

    def __init__(self, expected: Sequence[float], console: Console) -> None:
        self._expected = expected
        self._step = 0
        self._done = 0.0
        self._began = time.perf_counter()
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[step]}"), TimeElapsedColumn(),
                   TextColumn("{task.fields[left]}"))  # fmt: skip
        self._progress = Progress(*columns, console=console)
        self._task = self._progress.add_task("measuring", total=sum(expected), step="", left="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, name: str) -> None:
        self._progress.update(self._task, description=name)
        self.tell(0.0)

    def tell(self, share: float) -> None:
        """Of the step that is under way."""
        self._show(self._done + min(share, 1.0) * self._expected[self._step])

    def end(self) -> None:
        self._done += self._expected[self._step]
        self._step += 1
        self._show(self._done)

    def _show(self, done: float) -> None:
        passed = time.perf_counter() - self._began
        pace = (passed + INERTIA) / (done + INERTIA)
        left = max(sum(self._expected) - done, 0.0) * pace
        step = f"{min(self._step + 1, len(self._expected))}/{len(self._expected)}"
        self._progress.update(self._task, completed=done, step=step, left=f"about {_minutes(left)} left")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
