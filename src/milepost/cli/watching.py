"""Following one job to its end: a bar with an estimate on a terminal, a line per change in a pipe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from milepost.cli.output import coloured, out, say, visible
from milepost.cli.time_left import LeftColumn
from milepost.client import ApiError, Client, Event, Job, StillOpen, Unreachable
from milepost.domain.estimate import Left, later, understood

Tell = Callable[[Event], None]
PROGRESS = ("progress", "stage", "seconds_left", "late")


async def watch_job(client: Client, job_id: str, *, quiet: bool = False, timeout: float | None = None) -> Job:
    """The job when it has ended. Raises StillOpen after `timeout` seconds."""
    with _told(quiet=quiet) as tell:
        try:
            async with asyncio.timeout(timeout):
                await _follow(client, job_id, tell)
        except TimeoutError:
            job = await client.get(job_id)
            if not job.ended:
                raise StillOpen(job_id=job_id, status=job.status, seconds=timeout) from None
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
        yield _line
    else:
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            LeftColumn(),
            console=out,
        ) as progress:
            yield _Bar(progress)


def _nothing(_: Event) -> None:
    return None


def _line(event: Event) -> None:
    data = event.data
    if event.name == "transition":
        say(
            f"{data['version']:>3}  {data['from_status'] or '(new)'} → {data['to_status']}  {data['reason'] or ''}  {data['actor']}"
        )
    elif event.name == "progress" and data.get("stage"):
        say(f"     {data['progress']} %  {data['stage']}")


class _Bar:
    """One job as a bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._left: Left | None = None
        self._heard_at = 0.0
        self._task = progress.add_task("waiting", total=100, left=self._left_now)

    def __call__(self, event: Event) -> None:
        data = event.data
        if event.name == "transition":
            phase = str(data.get("phase", ""))
            done = 100 if phase == "succeeded" else 0 if phase == "queued" else None
            reason = escape(visible(data["reason"] or ""))
            self._progress.console.print(f"{data['version']:>3}  {coloured(phase, str(data['to_status']))}  {reason}")
            self._progress.update(self._task, description=str(data["to_status"]), completed=done)
            self._left = None
        elif event.name == "progress":
            self._left, self._heard_at = understood(data), time.monotonic()
            self._progress.update(
                self._task, completed=data["progress"], description=visible(str(data.get("stage") or "running"))
            )

    def _left_now(self) -> Left | None:
        return later(self._left, time.monotonic() - self._heard_at)
