"""What is measured in which order, and how long each step should take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from benchmarks import measures, peers
from benchmarks.figures import Figures, Tell
from benchmarks.stage import Servers

# measured less often, being long
LONG_PASSES = 3


@dataclass(frozen=True)
class Step:
    """`seconds` as two shared cores take; `run` tells its share done where it is long."""

    room: str
    name: str
    seconds: float
    run: Callable[[Servers, Figures, Tell], Awaitable[None]]


@dataclass(frozen=True)
class Size:
    """How much of everything. `growth` is the number of finished jobs in the large tables."""

    passes: int = 5
    scale: float = 1.0
    growth: int = 5_000_000
    peers: bool = False


def plan(size: Size, only: Sequence[str] = ()) -> list[Step]:
    """What is repeated goes turn by turn. Raises ValueError for a room that there is not."""
    steps = [step for turn in range(size.passes) for step in _turn(size, turn)] + _once(size)
    if size.peers:
        steps += [step for _ in range(LONG_PASSES) for step in _peers(size)]
    rooms = {step.room for step in steps}
    if unknown := set(only) - rooms:
        raise ValueError(f"{', '.join(sorted(unknown))}: not one of {', '.join(sorted(rooms))}")
    return [step for step in steps if not only or step.room in only]


def _turn(size: Size, turn: int) -> list[Step]:
    jobs, scale, m = int(20_000 * size.scale), size.scale, measures
    steps = [
        Step("drain", "drain", 16 * scale, lambda on, f, _: m.drains(on, f, jobs)),
        Step("submit", "submit", 10 * scale, lambda on, f, _: m.submits(on, f, jobs)),
        Step("submit", "submit over HTTP", 12 * scale, lambda on, f, _: m.over_http(on, f, jobs // 4)),
        Step("drain", "stock arq", 5 * scale, lambda on, f, _: m.stock_arq(on, f, jobs // 4)),
        Step("pickup", "pick-up", 12 * scale, lambda on, f, _: m.pickups(on, f, max(int(400 * scale), 100))),
    ]
    if turn < LONG_PASSES:
        steps += [
            Step("drain_2w", "two workers", 16 * scale, lambda on, f, _: m.two_workers(on, f, 2 * jobs)),
            Step("drain_200k", f"{10 * jobs:,} jobs", 50 * scale, lambda on, f, _: m.long_drain(on, f, 10 * jobs)),
            Step("images", "stickers", 24 * scale, lambda on, f, _: m.drawing(on, f, max(int(40 * scale), 8))),
        ]
    return steps


def _once(size: Size) -> list[Step]:
    scale, m = size.scale, measures
    jobs, million = int(20_000 * scale), int(1_000_000 * scale)
    idle = max(10.0 * min(scale, 1.0), 2.0)
    steps = [
        Step("idle", "idling", idle + 3, lambda on, f, _: m.idling(on, f, idle)),
        Step(
            "memory", f"memory over {million:,} jobs", 150 * scale, lambda on, f, tell: m.memory(on, f, million, tell)
        ),
        Step("audit", "sealing", 60 * scale, lambda on, f, _: m.sealing(on, f, jobs)),
    ]
    if size.growth:
        seconds = size.growth / 13_000 + 60 * scale
        run = lambda on, f, tell: m.growth(on, f, size.growth, scale, tell)  # noqa: E731
        steps.append(Step("growth", f"growth to {size.growth:,} jobs", seconds, run))
    return steps


def _peers(size: Size) -> list[Step]:
    jobs = int(20_000 * size.scale)
    return [Step("peers", name, 20 * size.scale, peers.measure(name, jobs)) for name in peers.NAMES]
