"""Looks things up in the control database: who we are, where a tenant's database is, which providers there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import asyncpg

from milepost.db.connections import Connection, Connections
from milepost.db.rows import readable
from milepost.db.seals import CONTROL
from milepost.domain.errors import ConfigurationError, Unavailable
from milepost.tenancy import keys

REMEMBERED_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of language models as an operator entered it."""

    id: str
    base_url: str | None
    is_active: bool


class Directory:
    """Of one installation, as one process sees it.

    `known` names addresses that need no look-up; `environment` reads `env:` references; `maintenance` says whose
    addresses are answered. Every process reads each tenant's address and wrapped key, as it serves them all; both are
    sealed by the master key or only name where to look, so that the rows alone open nothing.
    """

    def __init__(
        self,
        connections: Connections,
        master_key: bytes,
        *,
        known: Mapping[str, str],
        environment: Callable[[str], str | None],
        maintenance: bool = False,
    ) -> None:
        self._connections = connections
        self._master_key = master_key
        self._known = known
        self._environment = environment
        self._maintenance = maintenance
        self._actives: dict[str, tuple[float, bool]] = {}

    async def installation(self, *, within: float | None = None) -> str:
        """The id that Redis must carry too. Raises Unavailable, or ConfigurationError before the first migration.

        `within`: seconds, for who does not want to wait as long as his connections do.
        """
        return str(await self._value("SELECT id FROM installation", limit=within))

    async def address(self, tenant: str) -> str:
        """A tenant's database URL, for our role. Raises KeyError for one that does not exist or is not active.

        What is stored holds one URL, or two with white space between: the application's, then maintenance's.
        """
        if tenant in self._known:
            return self._known[tenant]
        stored = await self._value("SELECT database_url FROM tenants WHERE id = $1 AND state = 'active'", tenant)
        if stored is None:
            raise KeyError(tenant)
        sealed = stored.startswith("enc:v1:")
        urls = (keys.open_address(self._master_key, stored, tenant) if sealed else self._referenced(stored)).split()
        return urls[-1] if self._maintenance else urls[0]

    async def is_active(self, tenant: str) -> bool:
        """Whether a tenant is served: asked every few seconds; while nobody answers, the last answer holds."""
        until, active = self._actives.get(tenant, (0.0, None))
        if active is None or until <= monotonic():
            try:
                active = await self._value("SELECT is_active FROM tenants WHERE id = $1", tenant) is not False
            except Unavailable:
                if active is None:
                    raise
            self._actives[tenant] = (monotonic() + REMEMBERED_SECONDS, active)
        return active

    async def tenant_key(self, tenant: str) -> bytes:
        """Raises KeyError for a tenant that does not exist."""
        wrapped = await self._value("SELECT key_wrapped FROM tenants WHERE id = $1", tenant)
        if wrapped is None:
            raise KeyError(tenant)
        return keys.unwrap(self._master_key, wrapped, f"tenant {tenant}")

    async def tenants(self) -> list[str]:
        """The ids of all active tenants."""
        return [row[0] for row in await self._rows("SELECT id FROM tenants WHERE is_active ORDER BY id")]

    async def providers(self) -> dict[str, Provider]:
        rows = await self._rows("SELECT id, api_base_url, is_active FROM llm_providers")
        return {row[0]: Provider(*row) for row in rows}

    def _referenced(self, reference: str) -> str:
        scheme, _, name = reference.partition(":")
        value = self._environment(name) if scheme == "env" else Path(name).read_text()
        if not value or not value.strip():
            raise ConfigurationError(f"The tenant's database address {reference} leads nowhere.")
        return value

    async def _value(self, sql: str, *args: Any, limit: float | None = None) -> Any:
        """Of the first row's first column; None where there is none."""
        return next((row[0] for row in await self._rows(sql, *args, limit=limit)), None)

    async def _rows(self, sql: str, *args: Any, limit: float | None = None) -> list[Any]:
        async def work(connection: Connection) -> list[Any]:
            return await connection.fetch(sql, *args)

        with readable(CONTROL):
            try:
                return await self._connections.run(work, limit=limit)
            except asyncpg.UndefinedTableError:
                raise ConfigurationError("The control database is empty.", hint="Run 'milepost migrate'.") from None
            except asyncpg.InvalidCatalogNameError:
                raise Unavailable(server="The control database", hint="Run 'milepost migrate'.") from None
