"""What maintenance looks for: expired leases, jobs past their time, waiting jobs page by page, jobs of inactive users."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from milepost.db.connections import Connection
from milepost.db.job_table import JobTable
from milepost.db.rows import CHORE_SECONDS, fetch
from milepost.db.statements import guard
from milepost.db.tables import in_list
from milepost.db.tenants import TenantDatabase
from milepost.domain.job import Job
from milepost.domain.machine import Guard, Phase

FIRST = UUID(int=0)


class Place(NamedTuple):
    """A position in the queue's order."""

    scheduled_at: datetime
    id: UUID


BEGINNING = Place(datetime(1, 1, 1, tzinfo=UTC), FIRST)


class Waiting(NamedTuple):
    """What a bell needs of a waiting job."""

    id: UUID
    version: int
    priority: int
    scheduled_at: datetime
    asked_at: datetime

    @property
    def place(self) -> Place:
        # the driver reads minus infinity without an offset, and nothing can be compared with that
        return Place(self.scheduled_at.replace(tzinfo=UTC), self.id)


class Owned(NamedTuple):
    """A waiting job and its user, who is not active."""

    id: UUID
    user_id: UUID
    user_status: str


class Leased(NamedTuple):
    """A running job and the status of its user."""

    id: UUID
    version: int
    user_status: str | None


def _columns(table: JobTable, without: tuple[str, ...]) -> str:
    return ", ".join(f"j.{name}" for name in table.types if name not in without) + ", now() AS asked_at"


@lru_cache(maxsize=64)
def expired_leases(table: JobTable, without: tuple[str, ...] = ()) -> str:
    """$1 after this id, $2 limit."""
    return f"""
SELECT {_columns(table, without)} FROM {table.name} j
WHERE j.lease_owner IS NOT NULL AND j.id > $1 AND {guard(table, Guard.LEASE_EXPIRED)}
ORDER BY j.id LIMIT $2"""


@lru_cache(maxsize=64)
def overdue_running(table: JobTable, without: tuple[str, ...] = ()) -> str:
    """$1 after this id, $2 limit. Those that were asked to stop end by that, not by the clock."""
    return f"""
SELECT {_columns(table, without)} FROM {table.name} j
WHERE j.lease_owner IS NOT NULL AND j.id > $1 AND {guard(table, Guard.NO_CANCEL)} AND {guard(table, Guard.OVERDUE)}
ORDER BY j.id LIMIT $2"""


@lru_cache(maxsize=64)
def overdue_waiting(table: JobTable, without: tuple[str, ...] = ()) -> str:
    """$1 skipped ids, $2 limit. Skipped are those that could not be ended in this round."""
    return f"""
SELECT {_columns(table, without)} FROM {table.name} j
WHERE j.status = '{table.machine.queued}' AND j.deadline_at <= now() AND j.id <> ALL ($1::uuid[])
ORDER BY j.deadline_at LIMIT $2"""


@lru_cache(maxsize=64)
def strays(table: JobTable, without: tuple[str, ...] = ()) -> str:
    """$1 after this id, $2 limit: asked to stop or overdue, and nobody has a lease. Somebody at a prompt made them.

    No index.
    """
    running = in_list("j.status", table.machine.statuses(Phase.RUNNING))
    return f"""
SELECT {_columns(table, without)} FROM {table.name} j
WHERE {running} AND j.lease_owner IS NULL AND j.id > $1
  AND ({guard(table, Guard.CANCEL_REQUESTED)} OR {guard(table, Guard.OVERDUE)})
ORDER BY j.id LIMIT $2"""


@lru_cache(maxsize=64)
def waiting_after(table: JobTable, *, due: bool) -> str:
    """$1, $2 place, $3 limit: the next page in the queue's order; with `due`, up to the present."""
    return f"""
SELECT j.id, j.version, j.priority, j.scheduled_at, now() AS asked_at FROM {table.name} j
WHERE j.status = '{table.machine.queued}' AND (j.scheduled_at, j.id) > ($1, $2)
{"AND j.scheduled_at <= now()" if due else ""}
ORDER BY j.scheduled_at, j.id LIMIT $3"""


@lru_cache(maxsize=64)
def waiting_since(table: JobTable) -> str:
    """$1 a time, $2 limit: what became due since then, newest first."""
    return f"""
SELECT j.id, j.version, j.priority, j.scheduled_at, now() AS asked_at FROM {table.name} j
WHERE j.status = '{table.machine.queued}' AND j.scheduled_at >= $1 AND j.scheduled_at <= now()
ORDER BY j.scheduled_at DESC, j.id DESC LIMIT $2"""


@lru_cache(maxsize=64)
def waiting_of_inactive(table: JobTable) -> str:
    """$1 from this user on, $2 skipped ids, $3 limit: waiting jobs of users who are not active, user by user.

    One user's jobs are read by the index of owners; LATERAL with a limit, so that no plan walks the whole queue.
    """
    return f"""
SELECT w.id, u.id, u.status
FROM users u CROSS JOIN LATERAL (
    SELECT j.id FROM {table.name} j
    WHERE j.user_id = u.id AND j.status = '{table.machine.queued}' AND j.id <> ALL ($2::uuid[])
    ORDER BY j.created_at DESC, j.id DESC LIMIT $3
) w
WHERE u.status <> 'active' AND u.id >= $1
ORDER BY u.id LIMIT $3"""


@lru_cache(maxsize=64)
def leased_owners_after(table: JobTable) -> str:
    """$1 after this id, $2 limit: running jobs that nobody asked to stop, with the status of each job's user."""
    return f"""
SELECT p.id, p.version, u.status
FROM (
    SELECT j.id, j.version, j.user_id FROM {table.name} j
    WHERE j.lease_owner IS NOT NULL AND j.id > $1 AND j.cancel_requested_at IS NULL
    ORDER BY j.id LIMIT $2
) p
LEFT JOIN users u ON u.id = p.user_id
ORDER BY p.id"""


def by_id(table: JobTable, without: tuple[str, ...] = ()) -> str:
    """$1 ids, of jobs that still wait."""
    return f"""
SELECT {_columns(table, without)} FROM {table.name} j
WHERE j.id = ANY ($1::uuid[]) AND j.status = '{table.machine.queued}'
ORDER BY j.id"""


async def fetch_jobs(
    database: TenantDatabase, table: JobTable, sql: str, *args: Any, limit: float | None = None
) -> list[Job]:
    return [Job(table.kind, row) for row in await fetch(database, sql, *args, limit=limit)]


async def fetch_waiting(database: TenantDatabase, sql: str, *args: Any) -> list[Waiting]:
    return [Waiting(*row) for row in await fetch(database, sql, *args)]


async def fetch_owned(database: TenantDatabase, sql: str, *args: Any) -> list[Owned]:
    return [Owned(*row) for row in await fetch(database, sql, *args)]


async def fetch_leased(database: TenantDatabase, sql: str, *args: Any) -> list[Leased]:
    return [Leased(*row) for row in await fetch(database, sql, *args)]


async def analyze_new(database: TenantDatabase, *, from_rows: int) -> list[str]:
    """ANALYZE of tables that have grown and were never analysed, where our role may. Answers their names.

    A plan made for an empty table can stay bad for as long as its statement is kept.
    """

    async def work(connection: Connection) -> list[str]:
        names = [row[0] for row in await connection.fetch(NEVER_ANALYSED, from_rows)]
        for name in names:
            await connection.execute(f"ANALYZE {name}")
        return names

    return await database.connections.run(work, limit=CHORE_SECONDS)


# MAINTAIN is a right since PostgreSQL 17; before, only owners may. CASE, as its name is an error in older servers.
NEVER_ANALYSED = """
SELECT s.relid::regclass::text
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.last_analyze IS NULL AND s.last_autoanalyze IS NULL AND s.n_live_tup >= $1
AND CASE WHEN pg_has_role(c.relowner, 'USAGE') THEN true
         WHEN current_setting('server_version_num')::int >= 170000 THEN has_table_privilege(c.oid, 'MAINTAIN')
         ELSE false END"""
