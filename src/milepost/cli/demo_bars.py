"""Bars over many jobs: one for all, one per phase; plain lines in a pipe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from uuid import UUID

from milepost.cli.crowd import Crowd
from milepost.cli.output import say
from milepost.cli.terminal import PHASE_COLOURS, BarColumn, MofNCompleteColumn, TimeElapsedColumn, Words, bars, out
from milepost.cli.time_left import LeftColumn
from milepost.client import Client, Job, StillOpen, Unreachable
from milepost.domain.estimate import spoken

SHOWN = ("queued", "running", "succeeded", "failed", "cancelled")
LINE_EVERY = 1.0
WATCHED_AT_ONCE = 8

Draw = Callable[[], None]


async def follow_all(client: Client, kinds: Mapping[UUID, str]) -> list[Job]:
    """All jobs, ended, in their order. `kinds`: what each is."""
    crowd = Crowd(kinds)
    with _drawn(crowd) as draw:
        draw()
        watching = asyncio.ensure_future(_watch(client, crowd, draw))
        try:
            jobs = await _wait(client, list(kinds))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        for job in jobs:
            crowd.note(job.id, job.phase)
        draw()
    return jobs


async def _watch(client: Client, crowd: Crowd, draw: Draw) -> None:
    """Keeps the bars true. What it misses is seen by those who wait for each job."""
    with suppress(Unreachable):
        async for event in client.watch():
            for job in event.data.get("jobs", ()) if event.name == "snapshot" else ():
                crowd.note(UUID(job["id"]), job["phase"])
            if event.name == "transition":
                crowd.note(UUID(event.data["job_id"]), event.data["phase"])
            draw()


async def _wait(client: Client, ids: Sequence[UUID]) -> list[Job]:
    few = asyncio.Semaphore(WATCHED_AT_ONCE)

    async def one(job_id: UUID) -> Job:
        async with few:
            while True:
                with suppress(StillOpen):
                    return await client.wait(job_id, timeout=20)

    return await asyncio.gather(*(one(job_id) for job_id in ids))


@contextmanager
def _drawn(crowd: Crowd) -> Generator[Draw]:
    if not out.is_terminal:
        yield _Lines(crowd)
        return
    columns = (Words(form="{:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), LeftColumn())
    with bars(*columns) as progress:
        total = crowd.total
        overall = progress.add_task("all", style="bold", total=total, left=crowd.left)
        tasks = {
            phase: progress.add_task(phase, style=PHASE_COLOURS[phase], total=total, visible=phase != "cancelled")
            for phase in SHOWN
        }

        def draw() -> None:
            counts = crowd.counts
            for phase, bar in tasks.items():
                progress.update(bar, completed=counts[phase])
            progress.update(overall, completed=crowd.ended)

        yield draw


class _Lines:
    """A line when something has changed, at most one a second, and one at the end."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._next = 0.0
        self._last = ""

    def __call__(self) -> None:
        crowd = self._crowd
        counts, now = crowd.counts, crowd.seconds
        text = ", ".join(f"{counts[phase]} {phase}" for phase in SHOWN if counts[phase])
        if text == self._last or (now < self._next and crowd.ended < crowd.total):
            return
        self._next, self._last = now + LINE_EVERY, text
        left = spoken(crowd.left())
        say(f"{now:6.1f} s  {text}{', ' if left else ''}{left}")
