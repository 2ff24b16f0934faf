"""Runs every measurement, prints the table, writes benchmarks/results/latest.json.

Each figure stands beside its ceiling, its floor or its peer, measured turn by turn in the same run: machines drift, and
only the ratio means something. Every cell is the median of its passes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import uvloop
from rich.console import Console

from benchmarks.clock import Clock
from benchmarks.figures import Figures
from benchmarks.plan import Size, Step, plan
from benchmarks.report import RESULTS, conditions, show, write
from benchmarks.stage import Servers, servers


async def measure(on: Servers, steps: Sequence[Step], console: Console) -> Figures:
    """A step that fails is named at the end; the others are measured."""
    figures = Figures()
    with Clock([step.seconds for step in steps], console) as clock:
        for step in steps:
            clock.begin(step.name)
            try:
                await step.run(on, figures, clock.tell)
            except Exception as error:  # noqa: BLE001 - reported, and the exit code says it
                figures.failed[step.room] = f"{step.name}: {type(error).__name__}: {error}"[:500]
                console.print_exception()
            clock.end()
    return figures


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--passes", type=int, default=5, help="how often what is short is measured; the median counts")
    parser.add_argument("--scale", type=float, default=1.0, help="a tenth is enough to see that it works")
    parser.add_argument(
        "--growth", type=int, metavar="JOBS", help="finished jobs in the large tables (5 million times the scale)"
    )
    parser.add_argument(
        "--only", default="", metavar="ROOM,ROOM", help="some parts; the figures of the others stay in the file"
    )
    parser.add_argument("--peers", action="store_true", help="other job queues as well, in an environment of their own")
    parser.add_argument("--out", type=Path, help="the file; a run of full scale writes results/latest.json")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    growth = int(5_000_000 * given.scale) if given.growth is None else given.growth
    size = Size(given.passes, given.scale, growth, given.peers)
    console = Console(stderr=True)
    try:
        steps = plan(size, [room for room in given.only.split(",") if room])
    except ValueError as error:
        sys.exit(str(error))
    out = given.out or RESULTS / ("latest.json" if given.scale >= 1 else "trial.json")
    before = conditions()
    with servers() as on:
        figures = uvloop.run(measure(on, steps, console))
    show(figures)
    rooms = {step.room for step in steps}
    write(figures, out, rooms, passes=given.passes, scale=given.scale, **before)
    console.print(f"Written to {out}")
    if figures.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
