"""How values are written on a page: times, durations, sizes, names of columns."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from markupsafe import Markup

from milepost.dashboard.foreign import foreign
from milepost.db.counts import Count
from milepost.domain.ids import short_id
from milepost.domain.machine import Phase
from milepost.domain.text import grouped
from milepost.engine.kind import Kind
from milepost.kinds.requests import CANONICAL

PHASES = {
    Phase.QUEUED: "Waiting",
    Phase.RUNNING: "Running",
    Phase.PAUSED: "Paused",
    Phase.SUCCEEDED: "Succeeded",
    Phase.FAILED: "Failed",
    Phase.CANCELLED: "Cancelled",
}

NAME = re.compile(r"[a-z][a-z0-9_]{0,60}", re.ASCII)
ACRONYMS = {"id": "ID", "url": "URL", "ms": "(ms)", "sha256": "SHA-256"}


def moment(at: datetime | None, *, ago: bool = False) -> Markup:
    """In UTC; with `ago`, a script that runs says how long ago it was instead."""
    if at is None:
        return Markup("")
    at = _utc(at)
    form = Markup('<time datetime="{}" data-ago>{}</time>') if ago else Markup('<time datetime="{}">{}</time>')
    return form.format(f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%Y-%m-%d %H:%M:%S}")


def _utc(at: datetime) -> datetime:
    # the driver reads PostgreSQL's infinities without an offset
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def since(at: datetime | None) -> Markup:
    """A time of which a script that runs says how long it has lasted."""
    if at is None:
        return Markup("")
    at = _utc(at)
    return Markup('<time datetime="{}" data-since>since {}</time>').format(f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{at:%H:%M:%S}")


def clock(at: datetime) -> Markup:
    at = _utc(at)
    shown = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}", shown
    )


def span(length: timedelta | float | None) -> str:
    """As exact as anybody wants to know it."""
    if length is None:
        return ""
    seconds = max(length.total_seconds() if isinstance(length, timedelta) else length, 0.0)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} days"


def coarse(length: timedelta | None) -> str:
    """For what grows while one looks: it changes seldom."""
    if length is None:
        return ""
    seconds = max(length.total_seconds(), 0.0)
    if seconds < 5:
        return "less than 5 s"
    return f"{5 * int(seconds // 5)} s" if seconds < 60 else span(60 * (seconds // 60))


def size(count: int) -> str:
    for unit, least in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= least:
            return f"{count / least:.1f} {unit}"
    return f"{count} bytes"


def counted(count: Count) -> str:
    return grouped(count.count) + ("+" if count.more else "")


def titled(name: str) -> str:
    """`error_code` as a heading; what is no such name stays as it is."""
    if not NAME.fullmatch(name):
        return name
    first, *rest = name.replace("_", " ").split() or [""]
    return " ".join([ACRONYMS.get(first, first.capitalize()), *(ACRONYMS.get(word, word) for word in rest)])


def actor(text: str, own: UUID | None = None) -> Markup:
    """`key:0192…` in short, in full when pointed at."""
    sort, _, name = text.partition(":")
    if own is not None and text == f"user:{own}":
        return Markup("you")
    if sort in {"user", "key"} and CANONICAL.fullmatch(name):
        return Markup('<span title="{}">{} …{}</span>').format(text, sort, short_id(name))
    return Markup("{} {}").format(foreign(sort), foreign(name)) if name else foreign(text)


def brief_id(whole: UUID) -> Markup:
    """The end of an id; in full when pointed at."""
    return Markup('<span class="id" title="{}">…{}</span>').format(whole, short_id(whole))


def kind_word(kind: Kind) -> str:
    """The one word for a kind on every page."""
    return kind.path.replace("_", " ").capitalize()


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
