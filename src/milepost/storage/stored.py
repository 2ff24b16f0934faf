"""What the store tells about a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that was just written whole. `sha256` is in lower-case hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Stat:
    """A file that lies in the store, finished or not."""

    path: str
    size: int
    modified_at: datetime
