"""Runs every measurement, prints the table, writes benchmarks/results/latest.json.

Each figure stands beside its ceiling, its floor or its peer, measured turn by turn in the same run: machines drift, and
only the ratio means something. Every cell is the best of its passes.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import ceiling, drain, http, idle, pickup, stickers, stock, submit
from benchmarks.report import Figures, show, write
from benchmarks.stage import Servers, place, servers

Measure = Callable[[Servers, Figures], Awaitable[None]]


async def drains(on: Servers, figures: Figures, jobs: int) -> None:
    async with place(on) as here:
        figures.best("drain.ceiling_per_s", await ceiling.drain(here, jobs))
    async with place(on) as here:
        figures.best("drain.jobs_per_s", await drain.drain(here, on, jobs))
    async with place(on, lean=True) as here:
        figures.best("drain.lean_ceiling_per_s", await ceiling.drain(here, jobs))


async def stock_arq(on: Servers, figures: Figures, jobs: int) -> None:
    figures.best("drain.arq_per_s", await stock.drain(on, jobs))


async def submits(on: Servers, figures: Figures, jobs: int) -> None:
    async with place(on) as here:
        figures.best("submit.ceiling_per_s", await ceiling.submit(here, jobs))
    async with place(on) as here:
        figures.best("submit.bulk_per_s", await submit.bulk(here, on, jobs))
    async with place(on) as here:
        figures.best("submit.concurrent_per_s", await submit.concurrent(here, on, jobs // 2))


async def over_http(on: Servers, figures: Figures, requests: int) -> None:
    figures.best("submit.http_bare_per_s", await http.bare(requests))
    async with place(on) as here:
        figures.best("submit.http_per_s", await http.submits(here, on, requests))


async def pickups(on: Servers, figures: Figures, rounds: int) -> None:
    async with place(on) as here:
        taken = await pickup.pickup(here, on, rounds)
    # the quietest pass as a whole: a floor of one pass says nothing about the latency of another
    if taken.p50 / taken.floor < figures.values.get("pickup.p50_to_floor", float("inf")):
        figures.values |= {
            "pickup.p50_ms": taken.p50,
            "pickup.p95_ms": taken.p95,
            "pickup.p99_ms": taken.p99,
            "pickup.floor_ms": taken.floor,
            "pickup.floor_smallest_ms": taken.smallest_floor,
            "pickup.p50_to_floor": taken.p50 / taken.floor,
        }


async def idling(on: Servers, figures: Figures, seconds: float) -> None:
    async with place(on) as here:
        cost = await idle.idle(here, on, seconds)
    figures.values |= {"idle.cpu_share": cost.cpu_share, "idle.redis_commands_per_s": cost.redis_commands_per_s}


async def drawing(on: Servers, figures: Figures, count: int) -> None:
    async with place(on) as here:
        drawn, given = await stickers.stickers(here, count, 10 * count)
    figures.best("images.stickers_per_s_per_core", drawn)
    figures.best("images.cache_hits_per_s", given)


def plan(passes: int, scale: float) -> list[Callable[[Servers, Figures], Awaitable[None]]]:
    jobs = int(20_000 * scale)
    turn: list[Any] = [
        lambda on, figures: drains(on, figures, jobs),
        lambda on, figures: submits(on, figures, jobs),
        lambda on, figures: over_http(on, figures, jobs // 4),
        lambda on, figures: stock_arq(on, figures, jobs // 4),
        lambda on, figures: pickups(on, figures, max(int(400 * scale), 100)),
        lambda on, figures: drawing(on, figures, max(int(40 * scale), 8)),
    ]
    return turn * passes + [lambda on, figures: idling(on, figures, 10.0)]


async def measure(on: Servers, steps: list[Any], console: Console) -> Figures:
    figures = Figures()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("measuring", total=len(steps))
        for step in steps:
            await step(on, figures)
            progress.advance(task)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=3, help="how often everything is measured; the best counts")
    parser.add_argument("--scale", type=float, default=1.0, help="a tenth is enough to see that it works")
    given = parser.parse_args()
    console = Console(stderr=True)
    with servers() as on:
        figures = uvloop.run(measure(on, plan(given.passes, given.scale), console))
    show(figures)
    console.print(f"Written to {write(figures, passes=given.passes, scale=given.scale)}")


if __name__ == "__main__":
    main()
