"""Where new ids come from: a protocol, so that tests can count instead of drawing."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID


class Ids(Protocol):
    """Makes job ids: UUIDv7, so that keys made one after another lie beside one another in an index."""

    def __call__(self) -> UUID: ...
