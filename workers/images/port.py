"""What the handler asks of whoever draws: the built-in renderer, or a hosted one that is plugged in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

Report = Callable[[int, str], Awaitable[None]]
"""Told how far the drawing is: percent and the name of the stage."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished sticker. `tokens`: what a hosted renderer charged for it."""

    png: bytes
    width: int
    height: int
    seed: int
    version: str
    tokens: int = 0


class RendererError(Exception):
    """No picture. `wait`: nothing was begun, and the renderer named a time after which to ask again."""

    def __init__(self, code: str, message: str, *, retry: bool = False, wait: timedelta | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry = retry
        self.wait = wait


class Renderer(Protocol):
    """`version` names everything that can change a picture's bytes: it is part of every cache key."""

    @property
    def version(self) -> str: ...

    async def render(self, wanted: Mapping[str, Any], source: bytes | None, report: Report, key: str) -> Picture:
        """`wanted` is the task's data; `key` is the same for every automatic attempt. Raises RendererError.

        Cancelling it ends the drawing at once.
        """
        ...
