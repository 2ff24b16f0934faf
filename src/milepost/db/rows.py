"""One statement, its rows: for reads and for statements that are safe to repeat."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import asyncpg

from milepost.db.connections import Connection
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import Unreadable

# for what reads or deletes much at a time, and nobody waits for
CHORE_SECONDS = 30.0


async def fetch(database: TenantDatabase, sql: str, *args: Any, limit: float | None = None) -> list[Any]:
    """Raises Unavailable and Unreadable. `limit`: seconds, for a statement that takes long by nature."""

    async def work(connection: Connection) -> list[Any]:
        return await connection.fetch(sql, *args)

    with readable(database.name):
        return await database.connections.run(work, limit=limit)


@contextmanager
def readable(database: str) -> Generator[None]:
    """Raises Unreadable, with the database's name."""
    try:
        yield
    except asyncpg.SyntaxOrAccessError as error:
        raise Unreadable(database=database, detail=str(error)) from error
