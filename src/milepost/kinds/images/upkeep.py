"""What maintenance does for pictures: cache rows that are over go, files that a row names stay."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from uuid import UUID

from milepost.db.connections import Connection
from milepost.db.rows import CHORE_SECONDS, fetch
from milepost.db.tenants import TenantDatabase

EXPIRED = """
DELETE FROM image_cache WHERE id = ANY (ARRAY(
    SELECT id FROM image_cache WHERE expires_at < now() ORDER BY expires_at LIMIT $1))"""
NAMED = """
SELECT sha256 FROM generated_images WHERE sha256 = ANY ($1::text[])
UNION
SELECT substring(image_url FROM '[0-9a-f]{64}') FROM image_cache WHERE image_url = ANY ($2::text[])
UNION
SELECT source_image_id::text FROM image_tasks
WHERE source_image_id IS NOT NULL AND source_image_id = ANY ($3::uuid[])"""


async def expire_cache(database: TenantDatabase, *, limit: int = 1000) -> int:
    """Answers how many rows went."""

    async def work(connection: Connection) -> int:
        return int((await connection.execute(EXPIRED, limit)).split()[-1])

    gone = 0
    while True:
        batch = await database.connections.run(work, limit=CHORE_SECONDS)
        gone += batch
        if batch < limit:
            return gone


async def named_files(database: TenantDatabase, paths: Sequence[str]) -> set[str]:
    """Of these files those that somebody still has, or needs to draw from."""
    stems = {path: PurePosixPath(path).stem for path in paths}
    urls = [image_url(stem) for stem in stems.values()]
    ids = [found for stem in stems.values() if (found := _uuid(stem)) is not None]
    kept = {row[0] for row in await fetch(database, NAMED, list(stems.values()), urls, ids, limit=CHORE_SECONDS)}
    return {path for path, stem in stems.items() if stem in kept}


def image_url(sha256: str) -> str:
    """Where a picture is read."""
    return f"/v1/image_files/{sha256}.png"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
