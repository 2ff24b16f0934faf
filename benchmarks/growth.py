"""What a job and a read cost in small and in large tables, turn by turn on the same server."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from operator import itemgetter

from benchmarks import ceiling, drain_processes
from benchmarks.figures import Tell
from benchmarks.finished_jobs import fill
from benchmarks.reads import reads
from benchmarks.stage import Place, Servers

SMALL = 10_000
TURNS = 4
# the share of the time that filling takes
FILLING = 0.8


async def growth(
    on: Servers, open_place: Callable[[], AbstractAsyncContextManager[Place]], *, small: int, large: int, drained: int,
    rounds: int, tell: Tell,
) -> dict[str, float]:  # fmt: skip
    """Figures by name. `tell` is told which part of the fill is done."""
    found: dict[str, float] = {"small_jobs": small, "large_jobs": large}
    async with AsyncExitStack() as stack:
        places = {"large": await stack.enter_async_context(open_place())}
        await fill(places["large"], large, lambda done: tell(FILLING * done / large))
        places["small"] = await stack.enter_async_context(open_place())
        await fill(places["small"], small)
        # before the drains, which leave thousands of new jobs in the small tables
        for size, place in places.items():
            for name, times in (await reads(place, on, rounds)).items():
                found |= {f"{size}_{name}_p50_ms": times.p50, f"{size}_{name}_p99_ms": times.p99}
                if times.refused:
                    found[f"{size}_{name}_refused"] = times.refused
        found |= await _drains(on, places, drained)
    lists = [value for name, value in found.items() if name.startswith("large_list") and name.endswith("p99_ms")]
    return {**found, "large_slowest_list_p99_ms": max(lists)}


async def _drains(on: Servers, places: dict[str, Place], count: int) -> dict[str, float]:
    """The median of the turns each, and of the ratios of one turn."""
    rates: dict[str, list[float]] = {f"{size}_{what}": [] for size in places for what in ("drain", "ceiling")}
    for turn in range(TURNS):
        # who goes second finds the servers warm, or their log of changes full
        for size, place in sorted(places.items(), key=itemgetter(0), reverse=turn % 2 == 1):
            rates[f"{size}_drain"].append(await drain_processes.drain(place, on, count, 1))
            rates[f"{size}_ceiling"].append((await ceiling.drain(place, count)).per_s)
    ratios = [large / small for large, small in zip(rates["large_drain"], rates["small_drain"], strict=True)]
    return {f"{name}_per_s": statistics.median(all_of_them) for name, all_of_them in rates.items()} | {
        "drain_ratio": statistics.median(ratios)
    }
