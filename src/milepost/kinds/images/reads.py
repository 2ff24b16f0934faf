"""What people have: their pictures, newest first, and what each day came to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from milepost.db.connections import Connection
from milepost.db.rows import fetch
from milepost.db.tables import SHORT_ID
from milepost.db.tenants import TenantDatabase

EXACT = 10_000
COUNTS = ("image_count", "total_tokens", "success_count", "failure_count")
HISTORY = """
SELECT * FROM generated_images
WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
ORDER BY created_at DESC, id DESC LIMIT $4 OFFSET $5"""
COUNT = f"SELECT count(*) FROM (SELECT FROM generated_images WHERE user_id = $1 LIMIT {EXACT + 1}) AS counted"  # noqa: S608
# so few that nobody pages through them
ENDING = (
    f"SELECT * FROM generated_images WHERE {SHORT_ID} = $2 AND user_id = $1 ORDER BY created_at DESC, id DESC LIMIT 100"  # noqa: S608
)
# $2: only this user's; NULL: anybody's
HAS = "SELECT EXISTS (SELECT FROM generated_images WHERE sha256 = $1 AND ($2::uuid IS NULL OR user_id = $2))"
DELETE = """
WITH gone AS (DELETE FROM generated_images WHERE id = $1 RETURNING id, user_id)
INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor)
SELECT user_id::text, 'generated_image.deleted', 'generated_image', id::text, $2 FROM gone
RETURNING resource_id"""
USAGE = f"SELECT date, {', '.join(COUNTS)} FROM usage_stats WHERE user_id = $1 AND date BETWEEN $2 AND $3 ORDER BY date"  # noqa: S608


class History(NamedTuple):
    """One page of somebody's pictures. `total` is None beyond 10,000."""

    images: list[dict[str, Any]]
    more: bool
    total: int | None


async def history(
    database: TenantDatabase, user_id: UUID, *, limit: int, offset: int = 0, after: tuple[datetime, UUID] | None = None
) -> History:
    """Newest first. `after`: time and id of the last picture seen, instead of an offset."""
    moment, last = after or (None, None)

    async def work(connection: Connection) -> History:
        rows = await connection.fetch(HISTORY, user_id, moment, last, limit + 1, offset)
        count = await connection.fetchval(COUNT, user_id)
        return History([shown(row) for row in rows[:limit]], len(rows) > limit, count if count <= EXACT else None)

    return await database.connections.run(work)


async def history_ending(database: TenantDatabase, user_id: UUID, digits: str) -> History:
    """Those of somebody's pictures whose short id it is."""
    images = [shown(row) for row in await fetch(database, ENDING, user_id, digits)]
    return History(images, more=False, total=len(images))


async def find_image(database: TenantDatabase, image_id: UUID) -> dict[str, Any] | None:
    rows = await fetch(database, "SELECT * FROM generated_images WHERE id = $1", image_id)
    return shown(rows[0]) if rows else None


async def delete_image(database: TenantDatabase, image_id: UUID, actor: str) -> None:
    """The row goes, with an audit row; its file goes with the sweep when nobody else has it."""
    await fetch(database, DELETE, image_id, actor)


async def has_image(database: TenantDatabase, sha256: str, user_id: UUID | None) -> bool:
    """Whether somebody has this picture: that user, or anybody."""
    rows = await fetch(database, HAS, sha256, user_id)
    return bool(rows[0][0])


async def usage(database: TenantDatabase, user_id: UUID, first: date, last: date) -> list[dict[str, Any]]:
    """The days on which something ended, in order."""
    return [dict(row) for row in await fetch(database, USAGE, user_id, first, last)]


async def today(database: TenantDatabase) -> date:
    """The UTC day, by the database's clock."""
    rows = await fetch(database, "SELECT (now() AT TIME ZONE 'UTC')::date")
    found: date = rows[0][0]
    return found


def shown(row: Any) -> dict[str, Any]:
    return {**dict(row), "effects": orjson.loads(row["effects"]), "style": orjson.loads(row["style"])}
