"""Bars over many jobs: one for all, one per phase; plain lines in a pipe."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from uuid import UUID

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from milepost.cli.output import PHASE_COLOURS, out, say
from milepost.client import Client, Job, StillOpen, Unreachable
from milepost.client.records import TERMINAL

SHOWN = ("queued", "running", "succeeded", "failed", "cancelled")
LINE_EVERY = 1.0
WATCHED_AT_ONCE = 8

Draw = Callable[[Counter[str]], None]


async def follow_all(client: Client, ids: Sequence[UUID]) -> list[Job]:
    """All jobs, ended, in their order."""
    phases = dict.fromkeys(ids, "queued")
    with _drawn(len(ids)) as draw:
        draw(Counter(phases.values()))
        watching = asyncio.ensure_future(_watch(client, phases, draw))
        try:
            jobs = await _wait(client, ids)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        draw(Counter(job.phase for job in jobs))
    return jobs


async def _watch(client: Client, phases: dict[UUID, str], draw: Draw) -> None:
    """Keeps the bars true. What it misses is seen by those who wait for each job."""
    with suppress(Unreachable):
        async for event in client.watch():
            for job in event.data.get("jobs", ()) if event.name == "snapshot" else ():
                _note(phases, UUID(job["id"]), job["phase"])
            if event.name == "transition":
                _note(phases, UUID(event.data["job_id"]), event.data["phase"])
            draw(Counter(phases.values()))


def _note(phases: dict[UUID, str], job_id: UUID, phase: str) -> None:
    if job_id in phases and phases[job_id] not in TERMINAL:
        phases[job_id] = phase


async def _wait(client: Client, ids: Sequence[UUID]) -> list[Job]:
    few = asyncio.Semaphore(WATCHED_AT_ONCE)

    async def one(job_id: UUID) -> Job:
        async with few:
            while True:
                with suppress(StillOpen):
                    return await client.wait(job_id, timeout=20)

    return await asyncio.gather(*(one(job_id) for job_id in ids))


@contextmanager
def _drawn(total: int) -> Generator[Draw]:
    if not out.is_terminal:
        yield _Lines(total)
        return
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out) as progress:
        overall = progress.add_task("[bold]all[/bold]", total=total)
        bars = {
            phase: progress.add_task(f"[{PHASE_COLOURS[phase]}]{phase}[/]", total=total, visible=phase != "cancelled")
            for phase in SHOWN
        }

        def draw(counts: Counter[str]) -> None:
            for phase, bar in bars.items():
                progress.update(bar, completed=counts[phase])
            progress.update(overall, completed=sum(counts[phase] for phase in TERMINAL))

        yield draw


class _Lines:
    """A line when something has changed, at most one a second, and one at the end."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.monotonic()
        self._next = 0.0
        self._last = ""

    def __call__(self, counts: Counter[str]) -> None:
        ended = sum(counts[phase] for phase in TERMINAL)
        now = time.monotonic()
        text = ", ".join(f"{counts[phase]} {phase}" for phase in SHOWN if counts[phase])
        if text == self._last or (now < self._next and ended < self._total):
            return
        self._next, self._last = now + LINE_EVERY, text
        took = now - self._began
        left = f", about {took / ended * (self._total - ended):.0f} s left" if 0 < ended < self._total else ""
        say(f"{took:6.1f} s  {text}{left}")
