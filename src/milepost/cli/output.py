"""What a command says: tables and lines for people, one JSON document for programs, errors on standard error."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from milepost.domain.text import visible

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

# of a job, where the key may not read
BRIEF = ("id", "kind", "status", "version")
PHASE_COLOURS = {
    "queued": "yellow",
    "running": "cyan",
    "paused": "magenta",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "bright_black",
}


def say(text: str = "") -> None:
    """A line as it is: no markup in it is read, and no control character is obeyed."""
    out.print(visible(text), markup=False)


def complain(message: str, hint: str | None = None) -> None:
    """One line, and how to go on."""
    err.print(visible(f"error: {' '.join(message.split())}"), markup=False, style="red")
    if hint:
        err.print(visible(f"  {' '.join(hint.split())}"), markup=False)


def warn(message: str) -> None:
    """One line beside the result, whatever form that has."""
    err.print(visible(f"warning: {' '.join(message.split())}"), markup=False, style="yellow")


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(plain(value), indent=2, default=str) + "\n")


def plain(value: Any) -> Any:
    """Dataclasses as objects, times as RFC 3339, a kind's own columns beside the shared ones."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown: dict[str, Any] = {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
        shown.pop("etag", None)
        if getattr(value, "brief", False):
            return {name: shown[name] for name in BRIEF}
        own: dict[str, Any] = shown.pop("columns", None) or {}
        return {**shown, **own}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in cast("Iterable[Any]", value)]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Cells may hold markup. On a terminal the last column is cut; in a pipe nothing is."""
    lines = [[Text.from_markup(_cell(cell)) for cell in row] for row in rows]
    if not out.is_terminal:
        _aligned([[Text(name) for name in columns], *lines])
        return
    grid = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for index, name in enumerate(columns):
        last = index == len(columns) - 1
        grid.add_column(
            name, no_wrap=True, min_width=None if last else max((len(row[index]) for row in lines), default=0)
        )
    for row in lines:
        grid.add_row(*row)
    out.print(grid, soft_wrap=False)


def _cell(value: Any) -> str:
    return "" if value is None else visible(" ".join(str(value).splitlines()))


def _aligned(lines: Sequence[Sequence[Text]]) -> None:
    widths = [max(len(line[index].plain) for line in lines) for index in range(len(lines[0]))]
    for line in lines:
        say("  ".join(cell.plain.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def coloured(phase: str, text: str | None = None) -> str:
    """Rich markup; only for text that is ours."""
    colour = PHASE_COLOURS.get(phase, "white")
    return f"[{colour}]{text or phase}[/{colour}]"


def clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(moment: datetime | None, now: datetime) -> str:
    """A span in its largest unit."""
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    span = abs(seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if span >= size:
            text = f"{span / size:.0f} {unit}"
            break
    else:
        text = f"{span:.0f} s"
    return f"{text} ago" if seconds >= 0 else f"in {text}"
