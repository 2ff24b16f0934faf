"""What a run found, in Jepsen's words."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from traceback import format_exception
from typing import Any

from tests.faults.chaos.machine import machine
from tests.faults.invariants import Invariant


@dataclass
class Report:
    """Jobs are counted one by one, a batch as its members.

    `superseded_results_dropped`: by the worker itself, which had learnt that the job was no longer its own;
    `superseded_results_rejected`: written, and refused by the fence. `unknown`: the client never heard what became of them; `recovered_unknown`: of these, the ones that are stored.
    `unexpected`: stored, and asked for by nobody. `duplicated`: asked for once, stored more than once. `incomplete`: parts
    of the run or of its accounting that failed, with the error; what they would have told is as it was before.
    """

    seed: int
    seconds: float
    breakage: str | None
    lease_seconds: float
    commit: str
    began_at: str = ""
    faults: int = 0
    faults_by_name: dict[str, int] = field(default_factory=dict)
    faults_not_done: dict[str, int] = field(default_factory=dict)
    jobs_attempted: int = 0
    jobs_acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    recovered_unknown: int = 0
    lost: int = 0
    duplicated: int = 0
    unexpected: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    duplicated_effects: int = 0
    violations: int = 0
    incomplete: list[str] = field(default_factory=list)
    broken: dict[Invariant, list[Any]] = field(default_factory=dict)
    checks: int = 0
    recovery_p50_s: float | None = None
    recovery_p99_s: float | None = None
    recovery_max_s: float | None = None
    recovery: dict[str, Any] = field(default_factory=dict)
    settled_after_s: float | None = None
    ended: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    superseded_results_dropped: int = 0
    superseded_results_rejected: int = 0
    deaths: dict[str, int] = field(default_factory=dict)
    starts: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=machine)

    @property
    def fine(self) -> bool:
        """A run without a fault, or whose clients were promised nothing, says nothing."""
        said = bool(self.faults and self.jobs_acknowledged) and not self.refused
        return said and not self.violations and not self.incomplete

    def fail(self, what: str, error: Exception) -> None:
        """That part is not known, or not done to its end."""
        self.incomplete.append(f"{what}: {''.join(format_exception(error))[-4000:]}")

    @property
    def upper_limit(self) -> float | None:
        """No violation in n faults: with 95 % confidence fewer than this share of faults would bring one."""
        return 3 / self.faults if self.fine and self.faults else None

    def as_json(self) -> dict[str, Any]:
        broken = {str(invariant): rows for invariant, rows in self.broken.items()}
        return {**asdict(self), "broken": broken, "violations_per_fault_upper_95": self.upper_limit}

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2, default=str) + "\n")


def commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"
