"""Figures, the ratios between them, the table and the file."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results"
# ratio: its two sides, and what is aimed at
RATIOS = {
    "drain.ratio": ("drain.jobs_per_s", "drain.ceiling_per_s", 0.8),
    "drain.schema_ratio": ("drain.ceiling_per_s", "drain.lean_ceiling_per_s", 0.8),
    "drain.arq_ratio": ("drain.jobs_per_s", "drain.arq_per_s", 5.0),
    "submit.bulk_ratio": ("submit.bulk_per_s", "submit.ceiling_per_s", 0.8),
    "submit.concurrent_ratio": ("submit.concurrent_per_s", "submit.ceiling_per_s", 0.4),
    "submit.http_ratio": ("submit.http_per_s", "submit.http_bare_per_s", 0.5),
    "pickup.p50_ratio": ("pickup.p50_ms", "pickup.floor_ms", 1.5),
    "pickup.p99_ratio": ("pickup.p99_ms", "pickup.floor_ms", 3.0),
}
LOWER_IS_BETTER = {"pickup.p50_ratio", "pickup.p99_ratio"}


@dataclass
class Figures:
    """Named figures; `best` keeps the highest of several passes."""

    values: dict[str, float] = field(default_factory=dict[str, float])

    def best(self, name: str, value: float) -> None:
        self.values[name] = max(value, self.values.get(name, 0.0))

    def with_ratios(self) -> dict[str, float]:
        ratios = {
            name: self.values[top] / self.values[bottom]
            for name, (top, bottom, _) in RATIOS.items()
            if top in self.values and self.values.get(bottom)
        }
        return {**self.values, **ratios}


def show(figures: Figures) -> None:
    table = Table(title="Milepost, measured beside its ceilings")
    for heading in ("figure", "measured", "aim"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for name, value in sorted(figures.with_ratios().items()):
        table.add_row(name, _number(value), _aim(name))
    Console().print(table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"


def _aim(name: str) -> str:
    if name not in RATIOS:
        return {"idle.cpu_share": "< 0.01", "idle.redis_commands_per_s": "< 10"}.get(name, "")
    return f"{'≤' if name in LOWER_IS_BETTER else '≥'} {RATIOS[name][2]:g}"


def write(figures: Figures, **how: Any) -> Path:
    """Nested as the dots say, with versions and machine."""
    document: dict[str, Any] = {}
    for name, value in figures.with_ratios().items():
        room, key = name.split(".", 1)
        document.setdefault(room, {})[key] = round(value, 4)
    document["run"] = {**how, "at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": _commit()}
    document["machine"] = {
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": os.getloadavg(),
    }
    document["versions"] = {name: version(name) for name in ("asyncpg", "arq", "redis", "uvloop", "fastapi", "uvicorn")}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "latest.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    return path


def _commit() -> str | None:
    try:
        done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
