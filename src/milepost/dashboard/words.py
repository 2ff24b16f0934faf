"""How values are written on a page: times, durations, sizes, names of columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from markupsafe import Markup

from milepost.db.counts import Count
from milepost.domain.ids import short_id
from milepost.domain.machine import Phase

PHASES = {
    Phase.QUEUED: "Waiting",
    Phase.RUNNING: "Running",
    Phase.PAUSED: "Paused",
    Phase.SUCCEEDED: "Succeeded",
    Phase.FAILED: "Failed",
    Phase.CANCELLED: "Cancelled",
}


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
    return span(5 * (seconds // 5)) if 5 <= seconds < 60 else "< 5 s" if seconds < 5 else span(60 * (seconds // 60))


def size(count: int) -> str:
    for unit, least in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= least:
            return f"{count / least:.1f} {unit}"
    return f"{count} bytes"


def counted(count: Count) -> str:
    return f"{count.count:,}".replace(",", "\u202f") + ("+" if count.more else "")


def titled(name: str) -> str:
    """`error_code` as a heading."""
    return name.replace("_", " ").strip().capitalize().replace(" id", " ID").replace("Id", "ID", name == "id")


def actor(text: str, own: UUID | None = None) -> Markup:
    """`key:0192…` in short, in full when pointed at."""
    sort, _, name = text.partition(":")
    if own is not None and text == f"user:{own}":
        return Markup("you")
    if sort in {"user", "key"} and len(name) == 36:
        return Markup('<span title="{}">{} …{}</span>').format(text, sort, short_id(name))
    return Markup("{} {}").format(sort, name) if name else Markup("{}").format(text)


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
