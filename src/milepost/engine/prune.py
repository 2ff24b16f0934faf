"""Removes what nobody keeps any more: files first, then the rows that point at them. Safe to interrupt and repeat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from uuid import UUID

from milepost.db import prunes
from milepost.db.prunes import FileOf
from milepost.db.tenants import TenantDatabase
from milepost.engine.kind import Kind
from milepost.engine.ports import Files, StoredFile

logger = logging.getLogger("milepost.maintenance")

AT_ONCE = 16
MOST_LEFT = 10_000


async def prune_jobs(
    database: TenantDatabase, kind: Kind, store: Files, *, actor: str, limit: int = 200, most_left: int = MOST_LEFT
) -> int:
    """Deletes the jobs whose time of keeping is over. A job whose file cannot be removed stays for the next round.

    A round ends when so many had to stay.
    """
    kept, table = kind.policy.retention, kind.table
    if kept is None:
        return 0
    pruned, stayed = 0, list[UUID]()
    while len(stayed) < most_left:
        ids = await prunes.find_due(database, table, kept, limit, stayed)
        files = await prunes.close_artifacts(database, table, kept, ids, actor)
        left = await _remove(store, files)
        gone = await prunes.drop_jobs(database, table, kept, [i for i in ids if i not in left], actor)
        pruned += len(gone)
        if len(ids) < limit:
            break
        stayed += [i for i in ids if i not in gone]
    return pruned


async def prune_artifacts(database: TenantDatabase, kind: Kind, store: Files, *, actor: str, limit: int = 500) -> int:
    """Ends expired artifacts and abandoned uploads, then removes their files. Rows stay, as DELETED.

    A file that could not be removed is found by the sweep.
    """
    ended = 0
    while True:
        files = await prunes.close_stale_artifacts(database, kind.table, limit, actor)
        live = await prunes.still_live(database, kind.name, files)
        await _remove(store, [file for file in files if file.path not in live])
        ended += len(files)
        if len(files) < limit:
            return ended


async def prune_sign_ins(database: TenantDatabase, *, limit: int = 5000) -> int:
    return await _dispose(database, "sessions", limit)


async def prune_callbacks(database: TenantDatabase, *, limit: int = 5000) -> int:
    return await _dispose(database, "webhook_deliveries", limit)


async def sweep_files(database: TenantDatabase, kind: Kind, store: Files, *, limit: int = 500) -> int:
    """Removes files of a kind's jobs that no row points at and that are older than a day."""
    folder = f"storage/{database.name}/{kind.path}/"
    older_than = await prunes.day_ago(database)
    removed, batch = 0, list[StoredFile]()
    async for found in store.list(folder, older_than=older_than):
        batch.append(found)
        if len(batch) == limit:
            removed += await _sweep(database, kind, store, folder, batch)
            batch = []
    return removed + await _sweep(database, kind, store, folder, batch)


async def _dispose(database: TenantDatabase, what: str, limit: int) -> int:
    removed = 0
    while True:
        gone = await prunes.dispose(database, what, limit)
        removed += gone
        if gone < limit:
            return removed


async def _sweep(database: TenantDatabase, kind: Kind, store: Files, folder: str, batch: Sequence[StoredFile]) -> int:
    if not batch:
        return 0
    named = [FileOf(job, found.path) for found in batch if (job := _job_of(found.path, folder)) is not None]
    live = await prunes.still_live(database, kind.name, named)
    if kind.named_files is not None:
        live |= await kind.named_files(database, [found.path for found in batch])
    removed = 0
    for found in batch:
        if found.path not in live:
            await store.discard(found)
            removed += 1
    return removed


def _job_of(path: str, folder: str) -> UUID | None:
    try:
        return UUID(path.removeprefix(folder).split("/", 1)[0])
    except ValueError:
        return None


async def _remove(store: Files, files: Sequence[FileOf]) -> set[UUID]:
    """The jobs of which a file could not be removed."""
    failed = set[UUID]()

    async def remove(file: FileOf) -> None:
        try:
            await store.delete(file.path)
        except Exception as error:  # noqa: BLE001 - whatever it was, the row stays and the next round tries again
            logger.warning("file of job %s could not be removed: %s", file.job_id, error)
            failed.add(file.job_id)

    for start in range(0, len(files), AT_ONCE):
        await asyncio.gather(*(remove(file) for file in files[start : start + AT_ONCE]))
    return failed
