"""The figures of the pages: every row of a table that names a key of a measurement holds what was measured last."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from docs.tables import table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
WITH_FIGURES = (ROOT / "README.md", ROOT / "docs" / "performance.md", ROOT / "docs" / "faults.md")
FIGURE = re.compile(
    r"^(?P<before>\|.*`(?P<key>\w+(?:\.\w+)+)` \| )(?P<figure>-?[\d,]+(?:\.\d+)?)(?P<aim>[^|\n]*\|[^|\n]*)",
    re.MULTILINE,
)
AIM = re.compile(r"(?P<side>[≥≤]) (?P<value>[\d.]+)")
SIDES = {"≥": operator.ge, "≤": operator.le}
SPENT = re.compile(r"(?<=<!-- spent -->\n).*?(?=<!-- /spent -->)", re.DOTALL)
WORK = {
    "drain.jobs": "a job drained",
    "drain.default": "… with 100 jobs at a time",
    "drain.ceiling": "… the ceiling",
    "drain.lean_ceiling": "… the ceiling on a lean schema",
    "drain_200k.jobs": "a job of 200,000 drained",
    "drain_200k.ceiling": "… the ceiling",
    "submit.bulk": "a job submitted in bulk",
    "submit.concurrent": "a job submitted by one of 100 callers",
    "submit.ceiling": "… the ceiling of both",
}


def measured() -> dict[str, float]:
    """The last measurement, the last long run of faults and the last controls, by dotted key."""
    return {
        key: value
        for name, prefix in (("latest", ""), ("chaos", "chaos."), ("controls", "controls."))
        for key, value in _flat(json.loads((RESULTS / f"{name}.json").read_text()), prefix)
    }


def with_figures(text: str, found: Mapping[str, float]) -> str:
    """Every row of a table that names a key holds what was found, with as many digits as it had."""
    text = FIGURE.sub(lambda row: _measured_row(row, found[row["key"]]) if row["key"] in found else row[0], text)
    return SPENT.sub(lambda _: f"\n{_spent(found)}\n\n", text)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", value


def _measured_row(row: re.Match[str], value: float) -> str:
    digits = len(row["figure"].partition(".")[2])
    aim = AIM.search(row["aim"])
    said = (
        row["aim"]
        if aim is None
        else f" | {aim[0]}{'' if SIDES[aim['side']](value, float(aim['value'])) else ', missed'} "
    )
    return f"{row['before']}{value:,.{digits}f}{said}"


def _spent(found: Mapping[str, float]) -> str:
    rows: list[list[str]] = []
    for key, what in WORK.items():
        spent = [found[f"{key}_{program}_us"] for program in ("python", "postgres", "redis")]
        rate = found[f"{key}_per_s"]
        busy = rate * sum(spent) / 1_000_000
        rows.append([what, *(f"{each:.1f}" for each in spent), f"{sum(spent):.1f}", f"{rate:,.0f}", f"{busy:.2f}"])
    return table(["CPU µs", "Python", "PostgreSQL", "Redis", "together", "per second", "cores busy"], rows)
