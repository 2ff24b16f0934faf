"""What a run found, in Jepsen's words."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Report:
    """Jobs are counted one by one, a batch as its members.

    `unknown`: the client never heard what became of them; `recovered_unknown`: of these, the ones that are stored.
    `unexpected`: stored, and asked for by nobody. `duplicated`: asked for once, stored more than once.
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
    duplicated_effects: int = 0
    violations: int = 0
    broken: dict[str, list[Any]] = field(default_factory=dict)
    checks: int = 0
    recovery_p50_s: float | None = None
    recovery_p99_s: float | None = None
    recovery_max_s: float | None = None
    recovery: dict[str, Any] = field(default_factory=dict)
    settled_after_s: float | None = None
    ended: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    superseded_results_dropped: int = 0
    deaths: dict[str, int] = field(default_factory=dict)
    starts: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def upper_limit(self) -> float | None:
        """No violation in n faults: with 95 % confidence fewer than this share of faults would bring one."""
        return None if self.violations or not self.faults else 3 / self.faults

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "violations_per_fault_upper_95": self.upper_limit}

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.as_json(), indent=2, default=str) + "\n")


def commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"
