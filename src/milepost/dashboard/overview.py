"""The first page: how many jobs are where, who works, what failed lately, what came last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from milepost.dashboard.desk import Desk
from milepost.dashboard.doors import Visit
from milepost.dashboard.pages import Parts, digests, parts
from milepost.dashboard.rows import find_rows
from milepost.dashboard.view import View
from milepost.dashboard.words import kind_word
from milepost.db.counts import Count, Tally, holders, tally
from milepost.db.reads import Part, Wanted
from milepost.domain.errors import Unavailable
from milepost.domain.machine import Phase
from milepost.engine.kind import Kind
from milepost.engine.sessions import Viewer

PARTS = ("sentence", "kinds", "workers", "failures", "latest")
LATEST = 8
TICK = 5.0
# of the bar's 100: what is there is seen, however little it is
NARROWEST = 1.5


@dataclass(frozen=True, slots=True)
class Bit:
    """One phase's share of a bar of 100."""

    phase: Phase
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Standing:
    """One kind at one moment."""

    kind: Kind
    tally: Tally
    phases: Mapping[Phase, Count]

    @property
    def bar(self) -> list[Bit]:
        counts = {phase: count.count for phase, count in self.phases.items() if count.count}
        total = sum(counts.values())
        widths = {phase: max(100 * count / total, NARROWEST) for phase, count in counts.items()}
        scale, x, bits = 100 / sum(widths.values(), start=0.0) if widths else 0.0, 0.0, list[Bit]()
        for phase, width in widths.items():
            bits.append(Bit(phase, round(x, 2), round(width * scale, 2)))
            x += width * scale
        return bits


@dataclass(frozen=True, slots=True)
class Worker:
    """One that is alive."""

    instance: str
    kinds: str
    running: int
    room: int
    since: datetime


class Overview:
    """One page and its stream."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def page(self, visit: Visit) -> Response:
        shown = await self._parts(visit.viewer)
        return visit.page("overview", parts=shown, live="/live/overview", shown=digests(shown))

    async def view(self, visit: Visit) -> View:
        return View(lambda: self._parts(visit.viewer), self._desk.kinds, visit.viewer, tick=TICK)

    async def _parts(self, viewer: Viewer) -> Parts:
        standings = [await standing(viewer, kind) for kind in self._desk.kinds]
        held = await self._held(viewer)
        rows, _ = await find_rows(viewer, self._desk.kinds, Wanted(owner=viewer.owner), Part(limit=LATEST))
        return parts("overview", PARTS, **self._figures(standings), workers=await self._workers(held), rows=rows,
                     viewer=viewer)  # fmt: skip

    def _figures(self, standings: list[Standing]) -> dict[str, Any]:
        phases = [phase for phase in Phase if any(phase in standing.phases for standing in standings)]
        failures = [
            (standing.kind, code, count) for standing in standings for code, count in standing.tally.failures.items()
        ]
        ages = [standing.tally.oldest_due for standing in standings if standing.tally.oldest_due is not None]
        return {
            "standings": standings,
            "phases": phases,
            "failures": sorted(failures, key=lambda failure: (-failure[2], failure[1])),
            "failed": Count(sum(count for *_, count in failures), any(s.tally.failures_more for s in standings)),
            "waiting": total(standings, Phase.QUEUED),
            "running": total(standings, Phase.RUNNING),
            "oldest": max(ages, default=None),
            "expired": sum(standing.tally.leases_expired for standing in standings),
        }

    async def _held(self, viewer: Viewer) -> Counter[str]:
        """Jobs by the worker that holds them, as their rows say: a worker's own note is as old as its last heartbeat."""
        held = Counter[str]()
        for kind in self._desk.kinds:
            held.update(await viewer.database.connections.run(lambda c, k=kind: holders(c, k.table)))
        return held

    async def _workers(self, held: Mapping[str, int]) -> list[Worker] | None:
        """None: Redis, which knows who is alive, does not answer."""
        try:
            found = await self._desk.presence()
        except Unavailable:
            return None
        words: dict[str, str] = {kind.name: kind_word(kind) for kind in self._desk.kinds}
        return [
            Worker(
                note.instance,
                ", ".join(words.get(str(name), str(name)) for name in note.kinds),
                held.get(note.instance, 0),
                note.max_jobs,
                datetime.fromtimestamp(note.started_at, UTC),
            )
            for note in sorted(found, key=lambda note: (tuple(note.kinds), note.instance))
        ]


async def standing(viewer: Viewer, kind: Kind) -> Standing:
    found = await viewer.database.connections.run(lambda c: tally(c, kind.table, viewer.owner))
    phases: dict[Phase, Count] = {}
    for status, count in found.statuses.items():
        phase = kind.machine.phase(status)
        phases[phase] = added(phases.get(phase, Count(0, more=False)), count)
    return Standing(kind, found, phases)


def total(standings: list[Standing], phase: Phase) -> Count:
    counted = Count(0, more=False)
    for one in standings:
        counted = added(counted, one.phases.get(phase, Count(0, more=False)))
    return counted


def added(one: Count, other: Count) -> Count:
    return Count(one.count + other.count, one.more or other.more)
