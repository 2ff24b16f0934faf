"""Reads of the history for streams: what is committed, in the order of ids, and what moves inside a status."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from milepost.db.connections import Connection
from milepost.db.job_table import JobTable

# One statement: its snapshot, which sees the highest id, is older than the transaction id it then takes. Whoever drew
# a smaller id did so before that row committed, and held a transaction id by then, which must be a smaller one.
FENCE = """
SELECT top.id, CASE WHEN top.id > $1 THEN pg_current_xact_id()::text::bigint END
FROM (SELECT coalesce(max(id), 0) AS id FROM status_transitions) AS top"""

PASSED = "SELECT pg_snapshot_xmin(pg_current_snapshot()) > $1::bigint::text::xid8"

KEPT = "SELECT EXISTS (SELECT FROM status_transitions WHERE id = $1)"

# of the broad streams; a stream of one job is not bounded by it
MOST_RUNNING = 2000


class Fence(NamedTuple):
    """The highest id seen, and the transaction id that every holder of a smaller id is older than."""

    top: int
    xid: int


class Step(NamedTuple):
    """One row of the history, with the owner of its job."""

    id: int
    kind: str
    job_id: UUID
    version: int
    from_status: str | None
    to_status: str
    reason: str | None
    actor: str
    attempt: int
    transitioned_at: datetime
    user_id: UUID | None


class Sign(NamedTuple):
    """What of a job may change without a transition. `mark` differs whenever anything of it, or its files, did."""

    job_id: UUID
    user_id: UUID | None
    version: int
    progress: int
    stage: str | None
    cancel_requested_at: datetime | None
    expected_at: datetime | None
    promised_at: datetime | None
    asked_at: datetime
    mark: str


async def fence(connection: Connection, position: int) -> Fence | None:
    """None: nothing beyond `position` is committed yet."""
    [(top, xid)] = await connection.fetch(FENCE, position)
    return None if xid is None else Fence(top, xid)


async def passed(connection: Connection, fence: Fence) -> bool:
    """Whether all transactions have ended that may still bring an id up to the fence's."""
    return await connection.fetchval(PASSED, fence.xid)


async def is_kept(connection: Connection, step_id: int) -> bool:
    return await connection.fetchval(KEPT, step_id)


async def steps(
    connection: Connection,
    tables: Sequence[JobTable],
    after: int,
    up_to: int,
    *,
    jobs: Sequence[UUID] | None = None,
    limit: int = 500,
) -> list[Step]:
    """Rows with `after` < id <= `up_to`, lowest ids first."""
    sql = _steps(tuple(tables), of_jobs=jobs is not None)
    rows = await connection.fetch(sql, after, up_to, limit, *([] if jobs is None else [list(jobs)]))
    return [Step(*row) for row in rows]


@lru_cache(maxsize=16)
def _steps(tables: tuple[JobTable, ...], *, of_jobs: bool) -> str:
    joins = "\n".join(f"LEFT JOIN {t.name} ON h.job_kind = '{t.kind}' AND {t.name}.id = h.job_id" for t in tables)
    owner = f"coalesce({', '.join(f'{t.name}.user_id' for t in tables)})"
    return f"""
SELECT h.id, h.job_kind, h.job_id, h.version, h.from_status, h.to_status, h.reason, h.actor, h.attempt,
       h.transitioned_at, {owner}
FROM (SELECT * FROM status_transitions
      WHERE id > $1 AND id <= $2{" AND job_id = ANY ($4::uuid[])" if of_jobs else ""}
      ORDER BY id LIMIT $3) AS h
{joins}
ORDER BY h.id"""


async def running_signs(connection: Connection, table: JobTable) -> list[Sign]:
    """Of jobs with a lease, at most MOST_RUNNING of them."""
    return [Sign(*row) for row in await connection.fetch(_signs(table, "j.lease_owner IS NOT NULL"), MOST_RUNNING)]


async def signs(connection: Connection, table: JobTable, jobs: Sequence[UUID]) -> list[Sign]:
    """Of the jobs named, whatever their status."""
    rows = await connection.fetch(_signs(table, "j.id = ANY ($2::uuid[])", files=True), len(jobs), list(jobs))
    return [Sign(*row) for row in rows]


@lru_cache(maxsize=32)
def _signs(table: JobTable, where: str, *, files: bool = False) -> str:
    # every UPDATE gives a row a new xmin; a heartbeat does too, which costs a look and no more
    mark = "j.xmin::text"
    if files:
        mark += f""" || coalesce((
           SELECT md5(string_agg(a.id::text || a.status, ',' ORDER BY a.id))
           FROM artifacts a WHERE a.job_kind = '{table.kind}' AND a.job_id = j.id), '')"""
    return f"""
SELECT j.id, j.user_id, j.version, j.progress, j.stage, j.cancel_requested_at, j.expected_at,
       j.promised_at, now(),
       {mark}
FROM {table.name} AS j WHERE {where} LIMIT $1"""


BRIEF = (
    "id", "user_id", "status", "version", "progress", "stage", "attempt", "max_attempts", "priority", "error_code",
    "created_at", "scheduled_at", "started_at", "claimed_at", "finished_at", "cancel_requested_at",
)  # fmt: skip


async def newest(
    connection: Connection, table: JobTable, owner: UUID | None, jobs: Sequence[UUID] | None, limit: int
) -> list[Any]:
    """The newest jobs of a kind (of one owner; of those named) in the columns BRIEF, newest first."""
    where = ["($2::uuid IS NULL OR user_id = $2)" if owner is None else "user_id = $2"]
    where += ["id = ANY ($3::uuid[])"] if jobs is not None else ["$3::uuid[] IS NULL"]
    sql = f"""SELECT {", ".join(BRIEF)} FROM {table.name}
WHERE {" AND ".join(where)} ORDER BY created_at DESC, id DESC LIMIT $1"""
    return await connection.fetch(sql, limit, owner, None if jobs is None else list(jobs))
