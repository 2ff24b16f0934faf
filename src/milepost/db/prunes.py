"""What is to be cleaned up and how: finished jobs, artifacts, sign-ins, callbacks. Every statement is safe to repeat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from milepost.db.connections import Connection
from milepost.db.job_table import JobTable
from milepost.db.rows import CHORE_SECONDS, fetch
from milepost.db.tenants import TenantDatabase
from milepost.domain.policy import Retention

LIVE = "status <> 'DELETED'"


class FileOf(NamedTuple):
    """A file that may go, and the job whose folder it lies in."""

    job_id: UUID
    path: str


def _past_keeping(table: JobTable, since: str) -> str:
    """$1 is how long a job is kept when nobody said otherwise. A job of a kind without own dates has only that."""
    kept = f"{since} <= now() - $1::interval"
    if "retain_until" not in table.types:
        return f"finished_at IS NOT NULL AND {kept}"
    return (
        "finished_at IS NOT NULL AND NOT is_permanent"
        f" AND CASE WHEN retain_until IS NULL THEN {kept} ELSE retain_until <= now() END"
    )


def due_jobs(table: JobTable, since: str = "finished_at") -> str:
    """$1 keep, $2 limit, $3 skipped ids. Two halves, each with its own index."""
    plain = f"""
SELECT id FROM {table.name}
WHERE finished_at IS NOT NULL AND {since} <= now() - $1::interval AND id <> ALL ($3::uuid[])"""
    if "retain_until" not in table.types:
        return f"{plain}\nORDER BY {since} LIMIT $2"
    return f"""
({plain} AND retain_until IS NULL AND NOT is_permanent
ORDER BY {since} LIMIT $2)
UNION ALL
(SELECT id FROM {table.name}
WHERE retain_until IS NOT NULL AND retain_until <= now() AND NOT is_permanent AND finished_at IS NOT NULL
  AND id <> ALL ($3::uuid[])
ORDER BY retain_until LIMIT $2)
LIMIT $2"""


def _close_artifacts(table: JobTable, since: str) -> str:
    """$1 keep, $2 ids, $3 actor. Under a lock on each job, so that a retry comes before or after, not between."""
    return f"""
WITH due AS (
    SELECT id, user_id FROM {table.name} WHERE id = ANY ($2::uuid[]) AND {_past_keeping(table, since)}
    ORDER BY id FOR UPDATE
), closed AS (
    UPDATE artifacts a SET status = 'DELETED' FROM due
    WHERE a.job_kind = '{table.kind}' AND a.job_id = due.id AND a.{LIVE}
    RETURNING a.id, due.user_id
), told AS ({_tell("closed", "$3")})
SELECT id FROM due"""


def _tell(source: str, actor: str) -> str:
    return f"""
    INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor)
    SELECT coalesce(user_id::text, 'system'), 'artifact.deleted', 'artifact', id::text, {actor} FROM {source}"""


def _drop_jobs(table: JobTable, since: str) -> str:
    """$1 keep, $2 ids."""
    return f"""
DELETE FROM {table.name} j WHERE id = ANY ($2::uuid[]) AND {_past_keeping(table, since)}
AND NOT EXISTS (SELECT FROM artifacts a WHERE a.job_kind = '{table.kind}' AND a.job_id = j.id AND a.{LIVE})
RETURNING id"""


def _stale_artifacts(table: JobTable) -> str:
    """$1 limit, $2 actor: expired ones and abandoned uploads become DELETED."""
    permanent = "AND NOT j.is_permanent" if "is_permanent" in table.types else ""
    return f"""
WITH stale AS (
    (SELECT a.id, a.status, j.user_id FROM artifacts a JOIN {table.name} j ON j.id = a.job_id {permanent}
     WHERE a.job_kind = '{table.kind}' AND a.expires_at IS NOT NULL AND a.expires_at <= now()
       AND a.status IN ('ACTIVE', 'ARCHIVED') LIMIT $1)
    UNION ALL
    (SELECT a.id, a.status, j.user_id FROM artifacts a JOIN {table.name} j ON j.id = a.job_id
     WHERE a.job_kind = '{table.kind}' AND a.status = 'UPLOADING' AND a.created_at <= now() - interval '24 hours'
     LIMIT $1)
), closed AS (
    UPDATE artifacts a SET status = 'DELETED' FROM stale
    WHERE a.job_kind = '{table.kind}' AND a.id = stale.id AND a.status = stale.status
    RETURNING a.id, a.job_id, a.file_path, stale.user_id
), told AS ({_tell("closed", "$2")})
SELECT job_id, file_path FROM closed"""


async def find_due(
    database: TenantDatabase, table: JobTable, kept: Retention, limit: int, skipped: Sequence[UUID]
) -> list[UUID]:
    rows = await fetch(database, due_jobs(table, kept.since), kept.keep, limit, list(skipped), limit=CHORE_SECONDS)
    return list(dict.fromkeys(row[0] for row in rows))


async def close_artifacts(
    database: TenantDatabase, table: JobTable, kept: Retention, ids: Sequence[UUID], actor: str
) -> list[FileOf]:
    """Ends the artifacts of jobs that are still due, and answers their files, those of earlier rounds included."""
    due = await fetch(database, _close_artifacts(table, kept.since), kept.keep, list(ids), actor, limit=CHORE_SECONDS)
    sql = f"SELECT job_id, file_path FROM artifacts WHERE job_kind = '{table.kind}' AND job_id = ANY ($1::uuid[])"
    return [FileOf(*row) for row in await fetch(database, sql, [row[0] for row in due], limit=CHORE_SECONDS)]


async def drop_jobs(
    database: TenantDatabase, table: JobTable, kept: Retention, ids: Sequence[UUID], actor: str
) -> set[UUID]:
    """Deletes jobs that are still due and have no live artifact; history and artifacts go with them. Answers them."""

    async def work(connection: Connection) -> set[UUID]:
        async with connection.transaction():
            await connection.fetchval("SELECT set_config('milepost.actor', $1, true)", actor)
            return {row[0] for row in await connection.fetch(_drop_jobs(table, kept.since), kept.keep, list(ids))}

    return await database.connections.run(work, limit=CHORE_SECONDS)


async def close_stale_artifacts(database: TenantDatabase, table: JobTable, limit: int, actor: str) -> list[FileOf]:
    return [FileOf(*row) for row in await fetch(database, _stale_artifacts(table), limit, actor, limit=CHORE_SECONDS)]


async def still_live(database: TenantDatabase, kind: str, files: Sequence[FileOf]) -> set[str]:
    """Of these files those that a live artifact points at."""
    sql = f"""
SELECT DISTINCT a.file_path FROM artifacts a
WHERE a.job_kind = $1 AND a.job_id = ANY ($2::uuid[]) AND a.file_path = ANY ($3::text[]) AND a.{LIVE}"""
    jobs = list({file.job_id for file in files})
    found = await fetch(database, sql, kind, jobs, [file.path for file in files], limit=CHORE_SECONDS)
    return {row[0] for row in found}


# what, and when it may go; the batch is $1
DISPOSABLE = {
    "sessions": "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires <= now() LIMIT $1)",
    "webhook_deliveries": """
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE (status = 'delivered' AND delivered_at <= now() - interval '7 days')
       OR (status = 'dead' AND coalesce(last_attempt_at, created_at) <= now() - interval '30 days')
    LIMIT $1)""",
}


async def dispose(database: TenantDatabase, what: str, limit: int) -> int:
    async def work(connection: Connection) -> int:
        done = await connection.execute(DISPOSABLE[what], limit)
        return int(done.split()[-1])

    return await database.connections.run(work, limit=CHORE_SECONDS)


async def day_ago(database: TenantDatabase) -> datetime:
    """24 hours before the database's now()."""
    rows = await fetch(database, "SELECT now() - interval '24 hours'")
    return rows[0][0]
