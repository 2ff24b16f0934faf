"""Everything that the dashboard is given; it keeps no job state and has no source but the reads that the API has."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from milepost.engine.api_keys import KeyRing
from milepost.engine.feed import Feeds
from milepost.engine.kind import Kind
from milepost.engine.ports import Databases, Ringer, TenantActive, always_active
from milepost.engine.rates import Rates
from milepost.storage import Store


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """What one process has open.

    `feeds` and `refusals` are those of the API: one reader of the history per tenant whoever follows, one count of keys
    that open nothing whoever tries them.
    """

    databases: Databases
    ringer: Ringer
    kinds: tuple[Kind, ...]
    presence: Callable[[], Awaitable[Sequence[Any]]]
    feeds: Feeds
    refusals: Rates
    store: Store | None = None
    pepper: bytes | None = None
    tenant_active: TenantActive = always_active
    ring: KeyRing = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ring", KeyRing(self.databases, self.pepper, active=self.tenant_active))

    def kind(self, name: str) -> Kind | None:
        return next((kind for kind in self.kinds if kind.name == name), None)
