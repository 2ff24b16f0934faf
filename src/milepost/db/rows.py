"""One statement, its rows: for reads and for statements that are safe to repeat."""

from __future__ import annotations

from typing import Any

from milepost.db.connections import Connection
from milepost.db.tenants import TenantDatabase


async def fetch(database: TenantDatabase, sql: str, *args: Any) -> list[Any]:
    """Raises Unavailable."""

    async def work(connection: Connection) -> list[Any]:
        return await connection.fetch(sql, *args)

    return await database.connections.run(work)
