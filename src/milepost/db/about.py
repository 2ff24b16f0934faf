"""What a database says about itself, for people who look after it."""

from __future__ import annotations

from milepost.db.rows import fetch
from milepost.db.tenants import TenantDatabase

OLDEST = 15


async def version(database: TenantDatabase) -> tuple[int, str]:
    """The major version, and the whole as the server tells it. Raises Unavailable."""
    rows = await fetch(
        database, "SELECT current_setting('server_version_num')::int / 10000, current_setting('server_version')"
    )
    return rows[0][0], rows[0][1]


async def leader(database: TenantDatabase, duty: str) -> str | None:
    """Who holds the duty now."""
    rows = await fetch(database, "SELECT holder FROM leaders WHERE duty = $1 AND expires_at > now()", duty)
    return rows[0][0] if rows else None


async def check_writable(database: TenantDatabase) -> None:
    """Commits a transaction that changes nothing but the log of changes. Raises Unavailable, with the cause.

    A standby and a server whose disk is full answer reads all the same.
    """
    await fetch(database, "SELECT pg_current_xact_id()")
