"""What the engine needs from outside itself, as plain callables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell

Chance = Callable[[], float]
"""Uniform in [0, 1)."""

Databases = Callable[[str], Awaitable[TenantDatabase]]
"""A tenant's database by name. Raises KeyError for a tenant that does not exist."""

TenantActive = Callable[[str], Awaitable[bool]]
"""Whether a tenant that exists may be served now."""


async def always_active(_: str) -> bool:
    """Where there is one tenant, and nobody to switch it off."""
    return True


class Ringer(Protocol):
    """The doorbell as the engine uses it."""

    def ring_soon(self, bells: Sequence[Bell]) -> None:
        """Begins to ring and returns at once: for those whom nobody should keep waiting."""
        ...

    async def ring(self, bells: Sequence[Bell]) -> None:
        """Returns within a short bound and never raises: an un-rung job is found from its own row."""
        ...


class Doorbell(Ringer, Protocol):
    """The doorbell as the reconciler uses it. All raise Unavailable when Redis does not answer, but `deliver`."""

    async def deliver(self, bells: Sequence[Bell]) -> bool:
        """Rings and waits until they are there. False: they are not."""
        ...

    async def known(self, bells: Sequence[Bell]) -> list[bool]:
        """Which of these wait, in order."""
        ...

    async def begin_recall(self, scope: str) -> str | None:
        """A token if bells of this scope may have been forgotten, else None."""
        ...

    async def end_recall(self, scope: str, token: str) -> bool:
        """Everything was rung again. False: bells were forgotten meanwhile."""
        ...


class StoredFile(Protocol):
    """A file as the store lists it."""

    @property
    def path(self) -> str: ...


class Files(Protocol):
    """The store as the pruner uses it. Every failure is an exception."""

    async def delete(self, path: str) -> None:
        """Removing what is not there is no error."""
        ...

    def list(self, prefix: str, *, older_than: datetime | None = None) -> AsyncIterator[StoredFile]:
        """Files below a folder."""
        ...

    async def discard(self, found: Any) -> None:
        """Removes a file that `list` showed."""
        ...
