"""`python -m tests.faults.chaos.controls`: the driver on a product that is broken on purpose, in one way after another.

Every breakage must be caught by its invariant; with `--product`, the product itself must survive the same faults.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.breakages import BREAKAGES
from tests.faults.chaos.driver import LEASE_SECONDS, run
from tests.faults.chaos.nemesis import Nemesis
from tests.faults.chaos.oracle import Oracle
from tests.faults.chaos.report import Report, commit

RESULT = Path("benchmarks/results/controls.json")
# what the product needs after the last fault, several times over: a lease, its rescue, the longest attempt of the load
SETTLE_SECONDS = 45.0


@dataclass(frozen=True, slots=True)
class Control:
    """The random faults that show a breakage soonest; in an hour of all faults they all happen."""

    seed: int
    seconds: float
    chosen: tuple[str, ...]
    lease: float = LEASE_SECONDS


CONTROLS = {
    "no_version_predicate": Control(1, 45, ("stop past the lease@worker-1", "double bells"), lease=2.0),
    "no_rescuer": Control(1, 25, ("kill@worker",)),
    "bell_before_commit": Control(1, 25, ("fail commits",)),
    # of this seed, four kills fall into a delay: what was answered meanwhile waits in memory for its commit
    "acknowledge_before_commit": Control(5, 40, ("kill@api", "delay line@api>postgres")),
    "no_unique_key": Control(1, 25, ("delay line@api",)),
    "ids_in_reverse": Control(1, 15, ("kill@worker",)),
    "output_of_another": Control(1, 15, ("kill@worker",)),
    "late_notes_and_beats": Control(1, 45, ("stop past the lease@worker-1", "double bells"), lease=2.0),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`after_s`: from the first fault until an invariant was seen broken; without a value none was."""

    breakage: str
    caught: bool
    caught_by: list[str]
    after_s: float | None
    seed: int
    faults: int
    jobs_acknowledged: int
    lost: int
    duplicated: int
    violations: int
    product_violations: int | None = None


class Watch:
    """Notes when the first fault may happen and when the oracle first finds something."""

    def __init__(self) -> None:
        self._began = 0.0
        self._seen: float | None = None

    def __call__(self, what: str, nemesis: Nemesis | None, oracle: Oracle | None) -> None:
        if oracle is None:
            return
        self._began = self._began or time.monotonic()
        if oracle.violations and self._seen is None:
            self._seen = time.monotonic()

    def after(self) -> float:
        """Call it when the run is over: what was not seen before was seen at its end."""
        return round((self._seen or time.monotonic()) - self._began, 1)


async def judge(breakage: str, *, product_too: bool) -> Verdict:
    control, watch = CONTROLS[breakage], Watch()
    report = await _run(control, breakage, watch)
    wanted = BREAKAGES[breakage].caught_by
    return Verdict(
        breakage,
        any(invariant.number == wanted for invariant in report.broken),
        [str(invariant) for invariant in report.broken],
        watch.after() if report.violations else None,
        control.seed,
        report.faults,
        report.jobs_acknowledged,
        report.lost,
        report.duplicated,
        report.violations,
        (await _run(control, None, Watch())).violations if product_too else None,
    )


async def _run(control: Control, breakage: str | None, watch: Watch) -> Report:
    report = await run(
        control.seed,
        control.seconds,
        breakage=breakage,
        faults=control.chosen,
        lease_seconds=control.lease,
        settle_seconds=SETTLE_SECONDS,
        say=watch,
    )
    if report.incomplete:
        raise RuntimeError("\n".join(report.incomplete))
    return report


def show(verdict: Verdict) -> None:
    product = "" if verdict.product_violations is None else f"; the product itself: {verdict.product_violations}"
    print(
        f"{verdict.breakage:<26} {'caught' if verdict.caught else 'MISSED':<7}"
        f" after {verdict.after_s} s, {verdict.violations} violations in {verdict.faults} faults and"
        f" {verdict.jobs_acknowledged} jobs{product}"
    )
    for name in verdict.caught_by:
        print(f"{'':<34} {name}")
    sys.stdout.flush()


def write(verdicts: Sequence[Verdict], path: Path) -> None:
    found = {
        "commit": commit(),
        "breakages": len(BREAKAGES),
        "caught": sum(verdict.caught for verdict in verdicts),
        "controls": [
            {**asdict(CONTROLS[verdict.breakage]), **asdict(verdict), "broken": BREAKAGES[verdict.breakage].broken}
            for verdict in verdicts
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos.controls", description=__doc__)
    parser.add_argument("breakages", nargs="*", metavar="BREAKAGE", help=f"of {', '.join(CONTROLS)}; default: all")
    parser.add_argument("--product", action="store_true", help="run the product through the same faults as well")
    parser.add_argument("--out", type=Path, default=RESULT)
    asked = parser.parse_args()
    verdicts: list[Verdict] = []
    for name in asked.breakages or CONTROLS:
        verdicts.append(asyncio.run(judge(name, product_too=asked.product)))
        show(verdicts[-1])
    caught = sum(verdict.caught for verdict in verdicts)
    print(f"{caught}/{len(verdicts)} breakages caught")
    if not asked.breakages:
        write(verdicts, asked.out)
        print(f"written to {asked.out}")
    return 0 if caught == len(verdicts) and not any(verdict.product_violations for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
