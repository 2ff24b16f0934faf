"""Everything that the HTTP face is given; it makes nothing of this itself and keeps no job state in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from milepost.db.tenants import TenantDatabase
from milepost.domain.ids import Ids
from milepost.engine.feed import Feeds
from milepost.engine.kind import Kind
from milepost.engine.ports import Databases, Ringer, TenantActive, always_active
from milepost.engine.rates import Allowance, Rates
from milepost.engine.turns import Line, Turns
from milepost.net.url_rules import UrlRules
from milepost.storage import Spool, Store

MIB = 1024 * 1024
REFUSALS_AT_ONCE = 100
# of each key one at a time, so that the other place is free for whoever comes; those who wait do so on disk
PICTURES = Line("pictures", at_once=2, each_at_once=1, each=8, all=64)


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes. A kind's own `body_bytes` bounds its create requests, `body` every other one.

    `requests_per_second` are those of one key, `refusals_per_minute` those of one address. None: without end.
    """

    body: int = MIB
    batch_body: int = 32 * MIB
    batch_jobs: int = 10_000
    upload: int = 5 * 1024 * MIB
    headers: int = 32 * 1024
    header_count: int = 100
    requests_per_second: float | None = None
    refusals_per_minute: float = 60


@dataclass(frozen=True, slots=True, eq=False)
class Dependencies:
    """What one process has open.

    `databases` raises KeyError for a tenant that does not exist. `secret` signs cursors, `pepper` keys the hashes
    of API keys. `presence` answers the workers that are alive. `callback_rules` say which
    URLs may be called back; `active_models` is asked at most once in five seconds per tenant. `tenant_active` is asked at every
    look-up of a key. `spool` is where uploads wait.
    """

    databases: Databases
    ringer: Ringer
    kinds: tuple[Kind, ...]
    ids: Ids
    secret: bytes
    presence: Callable[[], Awaitable[Sequence[Any]]]
    active_models: Callable[[TenantDatabase], Awaitable[frozenset[str]]]
    tenant_active: TenantActive = always_active
    pepper: bytes | None = None
    store: Store | None = None
    spool: Spool = field(default_factory=Spool)
    mode: Literal["development", "production"] = "development"
    default_model: str | None = None
    callback_rules: UrlRules = field(default_factory=UrlRules)
    limits: Limits = field(default_factory=Limits)
    feeds: Feeds = field(init=False)
    refusals: Rates = field(init=False)
    pictures: Turns = field(init=False)

    def __post_init__(self) -> None:
        # one reader of the history per tenant, shared by every stream and every wait of the process
        object.__setattr__(self, "feeds", Feeds(self.kinds))
        # keys that open nothing, by the address that tried them, whether as a program or as a person
        allowance = Allowance("refusals", self.limits.refusals_per_minute / 60, REFUSALS_AT_ONCE)
        object.__setattr__(self, "refusals", Rates(allowance))
        # by key: uploads that come in, wait to be read, or are being read
        object.__setattr__(self, "pictures", Turns(PICTURES))
