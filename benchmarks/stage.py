"""The servers and databases that a run is measured on: embedded, with their default durability."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from uuid import UUID

import asyncpg

from milepost.db.ids import new_id
from milepost.db.migrate import upgrade
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.embedded import EmbeddedPostgres, EmbeddedRedis
from milepost.tenancy.install import ensure_database, logins, prepare_cluster

SETTINGS = {"shared_buffers": "512MB", "max_connections": "100", "max_wal_size": "4GB"}
INSTALLATION = "benchmark"
numbers = count()

# what a lean schema would have beside the primary key: the due jobs, the owner's list, the newest first
LEAN_KEEPS = ("ix_executions_due", "ix_executions_owner", "idx_executions_created_at")


@dataclass(frozen=True)
class Servers:
    """Addresses of the two servers."""

    owner_url: str
    redis_url: str


@contextmanager
def servers() -> Iterator[Servers]:
    folder = Path(tempfile.mkdtemp(prefix="milepost-bench-"))
    folder.chmod(0o755)
    try:
        with (
            EmbeddedPostgres(folder / "postgres", settings=SETTINGS) as postgres,
            EmbeddedRedis(folder / "redis") as redis,
        ):
            yield Servers(postgres.owner_url, redis.url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Place:
    """A fresh tenant database, as the application sees it, with one user in it."""

    database: TenantDatabase
    owner_url: str
    user_id: UUID


@asynccontextmanager
async def place(on: Servers, *, lean: bool = False) -> AsyncIterator[Place]:
    """Just migrated and never analysed, as a fresh install is. Dropped afterwards."""
    name = f"bench_{next(numbers)}"
    users = logins("default", "bench", "bench")
    await prepare_cluster(on.owner_url, users)
    owner_url = await ensure_database(on.owner_url, name, users)
    await upgrade(owner_url, "tenant")
    user_id = new_id()
    owner = await asyncpg.connect(owner_url)
    await owner.execute("INSERT INTO users (id, name) VALUES ($1, 'bench')", user_id)
    if lean:
        await _make_lean(owner)
    await owner.close()
    url = f"postgresql://milepost_default_app:bench@{owner_url.rsplit('@', 1)[1]}"
    database = await open_database("default", url, DatabaseOptions())
    try:
        yield Place(database, owner_url, user_id)
    finally:
        await database.close()
        admin = await asyncpg.connect(on.owner_url)
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.execute("CHECKPOINT")
        await admin.close()


async def _make_lean(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch(
        "SELECT indexname FROM pg_indexes WHERE tablename = 'executions'"
        " AND indexname NOT LIKE 'pk_%' AND NOT indexname = ANY ($1)",
        list(LEAN_KEEPS),
    )
    for row in rows:
        await owner.execute(f'DROP INDEX "{row[0]}"')
    await owner.execute("DROP INDEX ix_audit_logs_created_at")
