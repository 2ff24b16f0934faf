"""Ids: where new ones come from, and how people write them.

A short id is the last 8 hex digits: a UUIDv7 begins with the clock, so the first ones of jobs made together are equal.
"""

from __future__ import annotations

import re
from typing import Protocol
from uuid import UUID

SHORT_DIGITS = 8
WHOLE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHORT = re.compile(rf"[0-9a-f]{{{SHORT_DIGITS}}}")


class Ids(Protocol):
    """Makes job ids: UUIDv7, so that keys made one after another lie beside one another in an index."""

    def __call__(self) -> UUID: ...


def read_whole(text: str) -> UUID | None:
    """An id in its canonical spelling, in letters of either case. None: it is none."""
    return UUID(text.strip()) if WHOLE.fullmatch(text.strip().lower()) else None


def short_id(whole: UUID | str) -> str:
    return str(whole)[-SHORT_DIGITS:]


def read_short(text: str) -> str | None:
    """The digits as `short_id` writes them, whatever a person copied with them. None: it is no short id."""
    digits = text.strip().removeprefix("…").lower()
    return digits if SHORT.fullmatch(digits) else None
