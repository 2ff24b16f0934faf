"""Following one job to its end: a bar with an estimate on a terminal, a line per change in a pipe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from milepost.cli import exits
from milepost.cli.found import where
from milepost.cli.job_views import after, told
from milepost.cli.output import clock, say
from milepost.cli.terminal import (
    BarColumn,
    Progress,
    SpinnerColumn,
    Text,
    TimeElapsedColumn,
    Words,
    bars,
    in_phase,
    out,
    styled,
)
from milepost.cli.time_left import LeftColumn
from milepost.client import ApiError, Client, Event, Job, StillOpen, Transition, Unreachable
from milepost.domain.estimate import Left, later, understood
from milepost.domain.ids import short_id

Tell = Callable[[Event], None]
PROGRESS = ("progress", "stage", "seconds_left", "late")


@contextmanager
def leaving(job_id: Callable[[], str | None], data_dir: Path | None) -> Generator[None]:
    """Ctrl-C ends the wait, and says that it ends nothing else. `job_id` None: the job was not there yet."""
    try:
        yield
    except KeyboardInterrupt:
        known, place = job_id(), where(data_dir)
        if known is None:
            lines = ("Whether the job was submitted is not known; if so, it goes on.", f"  milepost jobs list{place}")
        else:
            name = short_id(known)
            lines = (f"The job {name} goes on. To follow it, or to end it:",
                     f"  milepost jobs watch {name}{place}", f"  milepost jobs cancel {name}{place}")  # fmt: skip
        raise exits.Interrupted(*lines) from None


async def watch_job(client: Client, job_id: str, *, quiet: bool = False, timeout: float | None = None) -> Job:
    """The job when it has ended. Raises StillOpen after `timeout` seconds."""
    with _told(quiet=quiet) as tell:
        try:
            async with asyncio.timeout(timeout):
                await _follow(client, job_id, tell)
        except TimeoutError:
            job = await client.get(job_id)
            if not job.ended:
                hint = f"It goes on: 'milepost jobs watch {short_id(job_id)}' follows it."
                raise StillOpen(hint=hint, job_id=job_id, status=job.status, seconds=timeout) from None
            return job
    return await client.get(job_id)


async def _follow(client: Client, job_id: str, tell: Tell) -> None:
    """By the stream of its events; where a proxy lets none through, by asking again and again."""
    try:
        async for event in client.watch(job_id):
            tell(event)
    except (Unreachable, ApiError):
        await client.get(job_id)  # gone, or not ours: that is the answer
        async for event in _polled(client, job_id):
            tell(event)


async def _polled(client: Client, job_id: str) -> AsyncIterator[Event]:
    seen = 0
    while True:
        job = await client.get(job_id)
        for step in job.status_transitions[seen:]:
            yield Event(name="transition", data=asdict(step), id=str(step.id))
        seen = len(job.status_transitions)
        yield Event(name="progress", data={name: getattr(job, name) for name in PROGRESS})
        if job.ended:
            return
        with suppress(StillOpen):
            await client.wait(job_id, timeout=2.0)


@contextmanager
def _told(*, quiet: bool) -> Generator[Tell]:
    if quiet:
        yield _nothing
    elif not out.is_terminal:
        yield _Lines()
    else:
        columns = (
            SpinnerColumn(),
            Words(),
            BarColumn(),
            Words("percentage", "{:>3.0f} %"),
            TimeElapsedColumn(),
            LeftColumn(),
        )
        with bars(*columns) as progress:
            yield _Bar(progress)


def _nothing(_: Event) -> None:
    return None


class _Lines:
    """A line per change, as the timeline tells it."""

    def __init__(self) -> None:
        self._before: Transition | None = None

    def __call__(self, event: Event) -> None:
        data = event.data
        if step := event.transition:
            say(_written(step, self._before).plain)
            self._before = step
        elif event.name == "progress" and data.get("stage"):
            say(f"     {data['progress']} %  {data['stage']}")


def _written(step: Transition, before: Transition | None, phase: str = "") -> Text:
    moved, reason, by = told(step)
    line = styled(f"{step.version:>2}  {clock(step.transitioned_at)[11:19]}  {after(step, before):>9}  ")
    return line.append_text(in_phase(phase, f"{moved:<20}")).append_text(styled(f"  {reason}  {by}"))


class _Bar:
    """One job as a bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._before: Transition | None = None
        self._left: Left | None = None
        self._heard_at = 0.0
        self._task = progress.add_task("waiting", total=100, left=self._left_now)

    def __call__(self, event: Event) -> None:
        data = event.data
        if step := event.transition:
            phase = str(data.get("phase", ""))
            done = 100 if phase == "succeeded" else 0 if phase == "queued" else None
            self._progress.console.print(_written(step, self._before, phase))
            self._progress.update(self._task, description=step.to_status, completed=done)
            self._before, self._left = step, None
        elif event.name == "progress":
            self._left, self._heard_at = understood(data), time.monotonic()
            self._progress.update(
                self._task, completed=data["progress"], description=str(data.get("stage") or "running")
            )

    def _left_now(self) -> Left | None:
        return later(self._left, time.monotonic() - self._heard_at)
