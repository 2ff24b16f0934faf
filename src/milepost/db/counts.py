"""How many and how old: bounded counts that stay fast over millions of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from milepost.db.connections import Connection
from milepost.db.filters import UNKNOWN
from milepost.db.job_table import JobTable
from milepost.db.tables import in_list
from milepost.domain.machine import Phase

# counting stops here: nobody reads a larger figure exactly, and a page load must not scan a table
EXACT = 10_000
# of the due jobs behind a job, so many are looked at for those that overtake it by priority
LOOKED_AT = 50_000


@dataclass(frozen=True, slots=True)
class Count:
    """`more`: there are, or may be, more than were counted."""

    count: int
    more: bool


class Place(NamedTuple):
    """Where a waiting job stands. `asked_at` is the database's time."""

    asked_at: datetime
    due: bool
    ahead: Count


class Tally(NamedTuple):
    """One kind at one moment."""

    statuses: dict[str, Count]
    oldest_due: timedelta | None
    leases_held: int
    leases_expired: int
    failures: dict[str, int]
    failures_more: bool


def _counted(rows: int, limit: int = EXACT) -> Count:
    return Count(min(rows, limit), rows > limit)


async def place(connection: Connection, table: JobTable, job_id: UUID) -> Place | None:
    """How many due jobs go before a queued one: of higher priority, or as high and due earlier. None: not queued."""
    row = await connection.fetchrow(_place(table), job_id, EXACT + 1, LOOKED_AT)
    if row is None:
        return None
    ahead = _counted(row["before"] + row["jumpers"])
    return Place(row["asked_at"], row["due"], Count(ahead.count, ahead.more or row["looked_at"] >= LOOKED_AT))


@lru_cache(maxsize=16)
def _place(table: JobTable) -> str:
    queued = f"status = '{table.machine.queued}'"
    # two scans of the due index: what is due before this job, and what overtakes it by priority
    return f"""
SELECT now() AS asked_at, me.scheduled_at <= now() AS due, b.before, o.jumpers, o.looked_at
FROM {table.name} AS me,
LATERAL (SELECT count(*) AS before FROM (
    SELECT FROM {table.name} AS j
    WHERE j.{queued} AND (j.scheduled_at, j.id) < (me.scheduled_at, me.id) AND j.scheduled_at <= now()
      AND j.priority >= me.priority
    LIMIT $2) AS x) AS b,
LATERAL (SELECT count(*) FILTER (WHERE x.priority > me.priority) AS jumpers, count(*) AS looked_at FROM (
    SELECT j.priority FROM {table.name} AS j
    WHERE j.{queued} AND (j.scheduled_at, j.id) > (me.scheduled_at, me.id) AND j.scheduled_at <= now()
    ORDER BY j.scheduled_at, j.id LIMIT $3) AS x) AS o
WHERE me.id = $1 AND me.{queued}"""


async def tally(connection: Connection, table: JobTable, owner: UUID | None = None) -> Tally:
    """Of all jobs, each status counted up to EXACT; or, for one owner, of the newest EXACT jobs."""
    if owner is None:
        [row] = await connection.fetch(_tally(table), EXACT + 1)
        statuses = {status: _counted(row[f"n_{index}"]) for index, status in enumerate(table.machine.phases)}
        failures = await connection.fetch(_failures(table), EXACT)
        failures_more = sum(f["looked_at"] for f in failures) >= EXACT
    else:
        [row] = await connection.fetch(_tally_of(table), EXACT, owner)
        more = row["looked_at"] >= EXACT
        statuses = {s: Count(row[f"n_{index}"], more) for index, s in enumerate(table.machine.phases)}
        failures = await connection.fetch(_failures_of(table), EXACT, owner)
        failures_more = more
    return Tally(
        statuses,
        row["oldest_due"],
        row["held"],
        row["expired"],
        {f["error_code"]: f["recent"] for f in failures if f["recent"]},
        failures_more,
    )


@lru_cache(maxsize=16)
def _tally(table: JobTable) -> str:
    counts = ",\n".join(
        f"(SELECT count(*) FROM (SELECT FROM {table.name} WHERE {_with(table, status)} LIMIT $1) AS x) AS n_{index}"
        for index, status in enumerate(table.machine.phases)
    )
    return f"""
SELECT {counts},
(SELECT now() - min(scheduled_at) FROM {table.name} WHERE {_due(table)}) AS oldest_due,
l.held, l.expired
FROM (SELECT count(*) AS held, count(*) FILTER (WHERE lease_expires_at <= now()) AS expired
      FROM {table.name} WHERE lease_owner IS NOT NULL) AS l"""


async def holders(connection: Connection, table: JobTable) -> dict[str, int]:
    """How many jobs each worker holds."""
    sql = f"SELECT lease_owner, count(*) FROM {table.name} WHERE lease_owner IS NOT NULL GROUP BY lease_owner"
    return {row[0]: row[1] for row in await connection.fetch(sql)}


def _due(table: JobTable) -> str:
    """Without rows due since for ever: nobody could be told their age."""
    return f"status = '{table.machine.queued}' AND scheduled_at <= now() AND scheduled_at > '-infinity'"


def _with(table: JobTable, status: str) -> str:
    """A condition that one of the partial indexes answers."""
    running = table.machine.phase(status) is Phase.RUNNING
    return f"status = '{status}'" + (" AND lease_owner IS NOT NULL" if running else "")


@lru_cache(maxsize=16)
def _tally_of(table: JobTable) -> str:
    counts = ",\n".join(
        f"count(*) FILTER (WHERE status = '{status}') AS n_{index}" for index, status in enumerate(table.machine.phases)
    )
    return f"""
SELECT {counts}, count(*) AS looked_at,
       now() - min(scheduled_at) FILTER (WHERE {_due(table)}) AS oldest_due,
       count(*) FILTER (WHERE lease_owner IS NOT NULL) AS held,
       count(*) FILTER (WHERE lease_expires_at <= now()) AS expired
FROM (SELECT status, scheduled_at, lease_owner, lease_expires_at FROM {table.name}
      WHERE user_id = $2 ORDER BY created_at DESC LIMIT $1) AS newest"""


FAILURES = f"""
SELECT coalesce(error_code, '{UNKNOWN}') AS error_code, count(*) AS looked_at,
       count(*) FILTER (WHERE finished_at > now() - interval '1 hour') AS recent
FROM ({{source}}) AS newest
GROUP BY 1"""


@lru_cache(maxsize=16)
def _failures(table: JobTable) -> str:
    """By error code in the last hour, among the newest failed jobs: no index is paid for this question alone."""
    parts = [
        f"(SELECT error_code, finished_at FROM {table.name} WHERE status = '{status}' ORDER BY created_at DESC LIMIT $1)"
        for status in table.machine.statuses(Phase.FAILED)
    ]
    return FAILURES.format(source=" UNION ALL ".join(parts))


@lru_cache(maxsize=16)
def _failures_of(table: JobTable) -> str:
    newest = f"SELECT * FROM {table.name} WHERE user_id = $2 ORDER BY created_at DESC LIMIT $1"
    failed = in_list("status", table.machine.statuses(Phase.FAILED))
    return FAILURES.format(source=f"SELECT error_code, finished_at FROM ({newest}) AS own WHERE {failed}")
