"""Tenant to database: the only place where pools are made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import asyncpg

from milepost.db.connecting import connect
from milepost.db.connections import Connections, Patience, keep_session
from milepost.db.faults import SETTING
from milepost.db.ledger import Ledger
from milepost.domain.api_key import DEFAULT_TENANT

# what nobody else bounds: every try has a bound of its own
STATEMENT_SECONDS = 60.0
# to one of the address's hosts, all of them together
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """`pooler`: behind PgBouncer or Neon in transaction mode both statement caches are off. `setting` names the server."""

    setting: str = SETTING
    pooler: bool = False
    connections: int = 10
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True, eq=False)
class TenantDatabase:
    """One tenant's database: what code is given instead of a tenant id. `name` goes into bells and storage paths."""

    name: str
    connections: Connections
    ledger: Ledger

    @property
    def pool(self) -> asyncpg.Pool[Any]:
        """The present one: another one takes its place when its server is left."""
        return self.connections.pool

    async def close(self) -> None:
        await self.connections.close()


async def open_database(name: str, url: str, options: DatabaseOptions) -> TenantDatabase:
    """Connects lazily: a server that is away shows at the first use, as Unavailable."""
    cache: dict[str, Any] = {"statement_cache_size": 0} if options.pooler else {}

    def make() -> asyncpg.Pool[Any]:
        return cast("Any", asyncpg.create_pool)(
            url,
            connect=connect,
            min_size=0,
            max_size=options.connections,
            timeout=min(options.patience.one_try, CONNECT_SECONDS),
            command_timeout=STATEMENT_SECONDS,
            reset=keep_session,
            **cache,
        )

    connections = Connections(make, options.patience, options.setting)
    await connections.pool
    return TenantDatabase(name, connections, Ledger(connections))


class Tenants:
    """Opens each tenant's database at its first use. `address` answers a tenant's URL or raises KeyError."""

    def __init__(self, address: Callable[[str], Awaitable[str]], options: DatabaseOptions) -> None:
        self._address = address
        self._options = options
        self._open: dict[str, TenantDatabase] = {}
        self._opening = asyncio.Lock()

    async def database(self, tenant: str) -> TenantDatabase:
        found = self._open.get(tenant)
        if found is None:
            async with self._opening:
                if tenant not in self._open:
                    url = await self._address(tenant)
                    options = self._options
                    if tenant != DEFAULT_TENANT:  # no setting names it
                        options = replace(options, setting=f"the address of tenant {tenant}")
                    self._open[tenant] = await open_database(tenant, url, options)
                found = self._open[tenant]
        return found

    def opened(self) -> list[TenantDatabase]:
        return list(self._open.values())

    async def close(self) -> None:
        for database in self._open.values():
            await database.close()
        self._open.clear()
