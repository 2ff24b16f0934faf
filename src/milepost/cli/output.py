"""What a command says: lines for people, one JSON document for programs, errors on standard error."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from milepost.cli.terminal import err, out, styled
from milepost.domain.text import visible

# of a job, where the key may not read
BRIEF = ("id", "kind", "status", "version")


def say(text: str = "") -> None:
    """A line as it is, tabs and all; no control character in it is obeyed."""
    print(visible(text), file=out.file, flush=True)


def complain(message: str, hint: str | None = None, lines: Iterable[str] = ()) -> None:
    """One line, and how to go on."""
    err.print(styled(f"error: {' '.join(message.split())}", "red"))
    for line in (*((hint,) if hint else ()), *lines):
        err.print(styled(f"  {' '.join(line.split())}"))


def report(text: str) -> None:
    """What happens meanwhile, on standard error."""
    err.print(styled(text, "yellow"))


def warn(message: str) -> None:
    """One line beside the result, whatever form that has."""
    report(f"warning: {' '.join(message.split())}")


def print_json(value: Any) -> None:
    say(as_json(value, indent=2))


def as_json(value: Any, indent: int | None = None) -> str:
    """One document, for people and programs: as it is written, unless a terminal would obey something in it."""
    value = plain(value)
    text = json.dumps(value, indent=indent, default=str, ensure_ascii=False)
    return text if visible(text) == text else json.dumps(value, indent=indent, default=str).replace("\x7f", "\\u007f")


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
