"""The fenced lease row of a duty: taken and renewed by compare-and-set on its term, on the database's clock."""

from __future__ import annotations

from milepost.db.rows import fetch
from milepost.db.tenants import TenantDatabase

# a holder that asks again may have got the row by a try whose answer was lost
TAKE = """
INSERT INTO leaders AS l (duty, holder, term, expires_at)
VALUES ($1, $2, 1, now() + make_interval(secs => $3::float8))
ON CONFLICT (duty) DO UPDATE
SET holder = excluded.holder, term = l.term + 1, expires_at = excluded.expires_at
WHERE l.expires_at <= now() OR l.holder = excluded.holder
RETURNING term"""

RENEW = """
UPDATE leaders SET expires_at = now() + make_interval(secs => $4::float8)
WHERE duty = $1 AND holder = $2 AND term = $3
RETURNING term"""

RELEASE = "UPDATE leaders SET expires_at = now() WHERE duty = $1 AND holder = $2 AND term = $3"


async def take(database: TenantDatabase, duty: str, holder: str, seconds: float) -> int | None:
    """The new term; None while somebody else holds the duty."""
    rows = await fetch(database, TAKE, duty, holder, seconds)
    return rows[0][0] if rows else None


async def renew(database: TenantDatabase, duty: str, holder: str, term: int, seconds: float) -> bool:
    """False: another term has begun."""
    return bool(await fetch(database, RENEW, duty, holder, term, seconds))


async def release(database: TenantDatabase, duty: str, holder: str, term: int) -> None:
    """Lets the next one take over at once."""
    await fetch(database, RELEASE, duty, holder, term)
