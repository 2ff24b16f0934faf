"""Rows of `artifacts`: made under a share lock on their job, moved by compare-and-set on (id, status), audited with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from milepost.db.connections import Connection
from milepost.db.job_table import JobTable
from milepost.db.rows import fetch
from milepost.db.tenants import TenantDatabase

AUDIT = "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, details, actor)"


@dataclass(frozen=True, slots=True)
class NewArtifact:
    """`checksum` None: the bytes are still to come. `job_version`: the job must still be at it."""

    id: UUID
    job_id: UUID
    file_name: str
    file_path: str
    file_size: int
    mime_type: str | None = None
    checksum: str | None = None
    type: str = "OTHER"
    status: str = "ACTIVE"
    tags: str | None = None
    retention_days: int | None = None
    job_version: int | None = None


@lru_cache(maxsize=16)
def _insert(table: JobTable) -> str:
    return f"""
WITH job AS (
    SELECT id, user_id FROM {table.name} WHERE id = $2 AND ($12::integer IS NULL OR version = $12) FOR SHARE),
made AS (
    INSERT INTO artifacts (id, job_kind, job_id, file_name, file_path, file_size, mime_type, checksum, type, status,
                           tags, expires_at)
    SELECT $1, '{table.kind}', job.id, $3, $4, $5, $6, $7, $8, $9, $10::jsonb, now() + make_interval(days => $11)
    FROM job ON CONFLICT DO NOTHING RETURNING *),
audit AS (
    {AUDIT}
    SELECT coalesce(job.user_id::text, 'system'), 'artifact.' || lower(made.status), 'artifact', made.id::text,
           jsonb_build_object('job_kind', made.job_kind, 'job_id', made.job_id), $13
    FROM made, job)
SELECT * FROM made"""


async def insert(database: TenantDatabase, table: JobTable, new: NewArtifact, actor: str) -> Any | None:
    """The row. None: the job is gone, or at another version."""

    async def work(connection: Connection, *, doubt: bool) -> Any:
        row = await connection.fetchrow(
            _insert(table), new.id, new.job_id, new.file_name, new.file_path, new.file_size, new.mime_type,
            new.checksum, new.type, new.status, new.tags, new.retention_days, new.job_version, actor,
        )  # fmt: skip
        if row is None and doubt:  # an earlier try, whose answer was lost, did commit
            row = await connection.fetchrow("SELECT * FROM artifacts WHERE id = $1", new.id)
        return row

    return await database.connections.run_doubting(work)


@lru_cache(maxsize=16)
def _move(table: JobTable) -> str:
    return f"""
WITH moved AS (
    UPDATE artifacts AS a
    SET status = $3, file_path = coalesce($4, a.file_path), checksum = coalesce($5, a.checksum),
        archived_at = CASE WHEN $3 = 'ARCHIVED' THEN now() ELSE a.archived_at END
    FROM {table.name} AS j
    WHERE a.id = $1 AND a.job_kind = '{table.kind}' AND a.status = $2 AND j.id = a.job_id
    RETURNING a.*, j.user_id),
audit AS (
    {AUDIT}
    SELECT coalesce(user_id::text, 'system'), 'artifact.' || lower(status), 'artifact', id::text,
           jsonb_build_object('job_kind', job_kind, 'job_id', job_id), $6
    FROM moved)
SELECT * FROM moved"""


async def move(
    database: TenantDatabase,
    table: JobTable,
    artifact_id: UUID,
    from_status: str,
    to_status: str,
    *,
    actor: str,
    file_path: str | None = None,
    checksum: str | None = None,
) -> Any | None:
    """The row afterwards. None: it was not in `from_status`."""

    async def work(connection: Connection, *, doubt: bool) -> Any:
        sql = _move(table)
        row = await connection.fetchrow(sql, artifact_id, from_status, to_status, file_path, checksum, actor)
        if row is None and doubt:
            row = await connection.fetchrow(
                "SELECT * FROM artifacts WHERE id = $1 AND status = $2 AND ($3::text IS NULL OR file_path = $3)",
                artifact_id, to_status, file_path,
            )  # fmt: skip
        return row

    return await database.connections.run_doubting(work)


async def one(database: TenantDatabase, artifact_id: UUID) -> Any | None:
    """Of any kind."""
    rows = await fetch(database, "SELECT * FROM artifacts WHERE id = $1", artifact_id)
    return rows[0] if rows else None


async def of_job(database: TenantDatabase, kind: str, job_id: UUID) -> Sequence[Any]:
    """Oldest first, those deleted included: the row is what is left to tell of them."""
    sql = "SELECT * FROM artifacts WHERE job_kind = $1 AND job_id = $2 ORDER BY created_at, id"
    return await fetch(database, sql, kind, job_id)
