"""What the engine needs from outside itself, as plain callables."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell

Chance = Callable[[], float]
"""Uniform in [0, 1)."""

Databases = Callable[[str], Awaitable[TenantDatabase]]
"""A tenant's database by name. Raises KeyError for a tenant that does not exist."""


class Ringer(Protocol):
    """The doorbell as the engine uses it."""

    async def ring(self, bells: Sequence[Bell]) -> None:
        """Returns within a short bound and never raises: an un-rung job is found from its own row."""
        ...
