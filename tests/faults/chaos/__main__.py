"""`python -m tests.faults.chaos --minutes 60 --seed 7`: a run with a live line, figures at its end, and a file of them."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.breakages import BREAKAGES
from tests.faults.chaos.driver import LEASE_SECONDS, run
from tests.faults.chaos.nemesis import Nemesis
from tests.faults.chaos.oracle import Oracle
from tests.faults.chaos.report import Report

RESULT, TRIAL = Path("benchmarks/results/chaos.json"), Path("benchmarks/results/chaos-trial.json")
# what docs/faults.md tells is of a run of this length at least, of the product as it is, with all faults
WHOLE_MINUTES = 60.0
WIDTH = 24


class Line:
    """One that is written over again and again on a terminal, and every half minute elsewhere."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began = 0.0
        self._again = 0.0 if sys.stderr.isatty() else 30.0
        self._said = float("-inf")

    def __call__(self, what: str, nemesis: Nemesis | None, oracle: Oracle | None) -> None:
        now = time.monotonic()
        if nemesis is None or oracle is None:
            return self._write(f"{what} …")
        self._began = self._began or now
        if now - self._said < self._again:
            return None
        self._said = now
        journal, passed = nemesis.stage.load.journal, now - self._began
        share = min(1.0, passed / self._seconds)
        left = max(0.0, self._seconds - passed)
        return self._write(
            f"[{'█' * int(share * WIDTH):<{WIDTH}}] {len(nemesis.done)} faults · {len(journal.promised)} jobs acknowledged"
            f" · {oracle.checks} checks · {oracle.violations} violations · "
            + (f"{left / 60:.1f} min left" if left else "healed, waiting for the last jobs")
        )

    def _write(self, text: str) -> None:
        start, end = ("\r\x1b[K", "") if self._again == 0 else ("", "\n")
        sys.stderr.write(f"{start}{text}{end}")
        sys.stderr.flush()


def show(report: Report) -> None:
    print(
        f"seed {report.seed}, commit {report.commit}, lease {report.lease_seconds:g} s, {report.seconds / 60:g} minutes"
    )
    print(f"faults {report.faults}: " + ", ".join(f"{name} {times}" for name, times in report.faults_by_name.items()))
    for what, times in report.faults_not_done.items():
        print(f"  not done {times}: {what}")
    print(
        f"jobs attempted {report.jobs_attempted}, acknowledged {report.jobs_acknowledged}, refused {report.refused},"
        f" unknown {report.unknown} (recovered {report.recovered_unknown}), lost {report.lost},"
        f" duplicated {report.duplicated}, unexpected {report.unexpected}"
    )
    print("ended: " + ", ".join(f"{name} {times}" for name, times in report.ended.items()))
    for name, figures in report.recovery.items():
        print(f"recovery, {name}: " + ", ".join(f"{key} {figures[key]}" for key in figures if key != "slowest"))
    print("median seconds to start: " + ", ".join(f"{name} {one['p50_s']}" for name, one in report.starts.items()))
    settled = report.settled_after_s
    print("jobs were still open at the end" if settled is None else f"all jobs had ended {settled} s after the healing")
    rejected = report.superseded_results_rejected
    print(
        f"results of superseded attempts: dropped by their workers {report.superseded_results_dropped},"
        f" rejected by the fence {rejected}" + ("" if rejected else ": I11 WAS NOT PUT TO THE TEST")
    )
    print("answers: " + ", ".join(f"{status} {times}" for status, times in report.answers.items()))
    print(f"VIOLATIONS {report.violations}, duplicated effects {report.duplicated_effects}, in {report.checks} checks")
    for name, rows in report.broken.items():
        print(f"  {name}:")
        for row in rows[:5]:
            print(f"    {row}")
    for part in report.incomplete:
        print(f"INCOMPLETE {part}")


def whole(asked: argparse.Namespace) -> bool:
    return asked.minutes >= WHOLE_MINUTES and asked.breakage is None and asked.faults is None


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=None, help="default: any")
    parser.add_argument("--rate", type=float, default=50.0, help="jobs a second")
    parser.add_argument("--lease", type=float, default=LEASE_SECONDS, help="seconds")
    parser.add_argument("--break", dest="breakage", choices=sorted(BREAKAGES), help="run the product broken on purpose")
    parser.add_argument("--faults", nargs="+", help="only these")
    parser.add_argument("--folder", type=Path, help="where journal and logs stay")
    parser.add_argument("--out", type=Path, help=f"default: {RESULT} for an hour of everything, else {TRIAL}")
    asked = parser.parse_args(arguments)
    asked.out = asked.out or (RESULT if whole(asked) else TRIAL)
    return asked


def main() -> int:
    asked = parsed(sys.argv[1:])
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    report = asyncio.run(
        run(
            seed, asked.minutes * 60, breakage=asked.breakage, faults=asked.faults, rate=asked.rate,
            lease_seconds=asked.lease, folder=asked.folder, say=Line(asked.minutes * 60),
        )
    )  # fmt: skip
    report.write(asked.out)
    sys.stderr.write("\n")
    show(report)
    print(f"written to {asked.out}")
    return 0 if report.fine else 1


if __name__ == "__main__":
    sys.exit(main())
