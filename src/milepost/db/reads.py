"""What dashboards and callers read: lists with filters, keys in use, active models."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg

from milepost.db.connections import Connection, Connections
from milepost.db.job_table import JobTable
from milepost.db.tables import SHORT_ID, in_list
from milepost.domain.errors import SearchTooSlow
from milepost.domain.job import Job
from milepost.domain.machine import Phase

EXACT = 10_000
PREVIEW = 500
# less than an API process gives one try
LIST_SECONDS = 1.5
SEARCH_SECONDS = 1.0

SortBy = Literal["created_at", "finished_at", "status"]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """One kind's table as lists see it: columns that are searched, long columns that are cut."""

    table: JobTable
    searched: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs. None and empty mean no filter; `equal` holds columns of the kind's own and their values.

    `short_id`: as `domain.ids.short_id` writes it; several jobs may have it.
    """

    owner: UUID | None = None
    user_id: UUID | None = None
    statuses: frozenset[str] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    error_code: str | None = None
    search: str | None = None
    short_id: str | None = None
    has_artifacts: bool | None = None
    equal: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Part:
    """Which of them, in which order. `after`: sort value and id of the last job seen, instead of an offset.

    `ended`: none that is open, which in the order of finish come last.
    """

    sort_by: SortBy = "created_at"
    descending: bool = True
    limit: int = 20
    offset: int = 0
    after: tuple[Any, UUID] | None = None
    ended: bool = False


class Listed(NamedTuple):
    """`more`: there is a next page. `total` is None beyond 10,000, or where counting took too long."""

    jobs: list[Job]
    more: bool
    total: int | None


class Arguments:
    """Collects values and answers their places in the statement."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def __call__(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


async def list_jobs(connections: Connections, listings: Sequence[Listing], wanted: Wanted, part: Part) -> Listed:
    """Raises SearchTooSlow: nobody may make the database work long by asking."""
    chosen = [listing for listing in listings if _may_match(listing, wanted)]
    if not chosen:
        return Listed([], more=False, total=0)

    async def work(connection: Connection) -> Listed:
        loop = asyncio.get_running_loop()
        ends = loop.time() + (SEARCH_SECONDS if wanted.search else LIST_SECONDS)
        try:
            jobs = await _page(connection, chosen, wanted, part, ends)
        except TimeoutError:
            raise SearchTooSlow from None
        total = await _count(connection, chosen, wanted, ends)
        return Listed(jobs[: part.limit], len(jobs) > part.limit, total)

    return await connections.run(work)


async def keys_in_use(connections: Connections, table: JobTable, digests: Sequence[str]) -> set[str]:
    """Which of these idempotency keys have a job already."""

    async def work(connection: Connection) -> set[str]:
        sql = f"SELECT idempotency_key FROM {table.name} WHERE idempotency_key = ANY ($1::text[])"
        return {row[0] for row in await connection.fetch(sql, digests)}

    return await connections.run(work)


async def active_models(connections: Connections) -> frozenset[str]:
    async def work(connection: Connection) -> frozenset[str]:
        rows = await connection.fetch("SELECT model_name FROM llm_models WHERE is_active")
        return frozenset(row[0] for row in rows)

    return await connections.run(work)


def _may_match(listing: Listing, wanted: Wanted) -> bool:
    return wanted.statuses is None or not wanted.statuses.isdisjoint(listing.table.machine.phases)


async def _page(
    connection: Connection, listings: Sequence[Listing], wanted: Wanted, part: Part, ends: float
) -> list[Job]:
    """One row more than asked for, which tells that there is a next page."""
    if part.sort_by == "finished_at" and (part.after is None or part.after[0] is not None):
        # what ended has an index in this order; only where that is not enough what is open is looked at as well
        jobs = await _jobs(connection, listings, wanted, replace(part, ended=True), ends)
        if len(jobs) > part.limit:
            return jobs
    return await _jobs(connection, listings, wanted, part, ends)


async def _jobs(
    connection: Connection, listings: Sequence[Listing], wanted: Wanted, part: Part, ends: float
) -> list[Job]:
    if len(listings) == 1:
        return await _rows(connection, listings[0], wanted, part, ends)
    keys = await _keys(connection, listings, wanted, part, ends)
    found: dict[UUID, Job] = {}
    for listing in listings:
        ids = [job_id for kind, job_id in keys if kind == listing.table.kind]
        if ids:
            sql = f"SELECT {_columns(listing)} FROM {listing.table.name} j WHERE j.id = ANY ($1::uuid[])"
            rows = await connection.fetch(sql, ids, timeout=_left(ends))
            found |= {row["id"]: Job(listing.table.kind, row) for row in rows}
    return [found[job_id] for _, job_id in keys if job_id in found]


async def _rows(connection: Connection, listing: Listing, wanted: Wanted, part: Part, ends: float) -> list[Job]:
    rows = await connection.fetch(*page_statement(listing, wanted, part), timeout=_left(ends))
    return [Job(listing.table.kind, row) for row in rows]


def page_statement(listing: Listing, wanted: Wanted, part: Part) -> tuple[Any, ...]:
    """The statement of one kind's page, and its values."""
    at = Arguments()
    sql = (
        f"SELECT {_columns(listing)} FROM {listing.table.name} j{_where(listing, wanted, part, at)}"
        f" ORDER BY {_order(part)} LIMIT {at(part.limit + 1)} OFFSET {at(part.offset)}"
    )
    return sql, *at.values


async def _keys(
    connection: Connection, listings: Sequence[Listing], wanted: Wanted, part: Part, ends: float
) -> list[tuple[str, UUID]]:
    """Kind and id over all tables: each gives no more than the whole could need."""
    at = Arguments()
    reach = at(part.offset + part.limit + 1)
    arms = [
        f"(SELECT '{listing.table.kind}' AS kind, j.id, j.{part.sort_by} FROM {listing.table.name} j"
        f"{_where(listing, wanted, part, at)} ORDER BY {_order(part)} LIMIT {reach})"
        for listing in listings
    ]
    sql = (
        f"SELECT kind, id FROM ({' UNION ALL '.join(arms)}) AS j"
        f" ORDER BY {_order(part)} LIMIT {at(part.limit + 1)} OFFSET {at(part.offset)}"
    )
    return [(row[0], row[1]) for row in await connection.fetch(sql, *at.values, timeout=_left(ends))]


async def _count(connection: Connection, listings: Sequence[Listing], wanted: Wanted, ends: float) -> int | None:
    try:
        count = await connection.fetchval(*count_statement(listings, wanted), timeout=_left(ends))
    except (TimeoutError, asyncpg.QueryCanceledError):
        return None
    return count if count <= EXACT else None


def count_statement(listings: Sequence[Listing], wanted: Wanted) -> tuple[Any, ...]:
    """The statement and its values. It counts no further than it is told exactly."""
    at = Arguments()
    arms = [
        f"(SELECT FROM {listing.table.name} j{_where(listing, wanted, None, at)} LIMIT {EXACT + 1})"
        for listing in listings
    ]
    return f"SELECT count(*) FROM ({' UNION ALL '.join(arms)}) AS counted", *at.values


def _left(ends: float) -> float:
    return max(ends - asyncio.get_running_loop().time(), 0.01)


def _columns(listing: Listing) -> str:
    return ", ".join(
        f"left(j.{name}, {PREVIEW}) AS {name}" if name in listing.preview else f"j.{name}"
        for name in listing.table.types
    )


def _order(part: Part) -> str:
    way, nulls = "DESC" if part.descending else "ASC", ""
    if part.sort_by == "finished_at":  # there are none among what ended: then the words are those of the index
        nulls = " NULLS FIRST" if part.ended and not part.descending else " NULLS LAST"
    return f"j.{part.sort_by} {way}{nulls}, j.id {way}"


def _where(listing: Listing, wanted: Wanted, part: Part | None, at: Arguments) -> str:
    conditions = [
        f"j.{column} {sign} {at(value)}"
        for column, sign, value in (
            ("user_id", "=", wanted.owner),
            ("user_id", "=", wanted.user_id),
            ("created_at", ">=", wanted.created_after),
            ("created_at", "<", wanted.created_before),
            ("error_code", "=", wanted.error_code),
            *((name, "=", value) for name, value in wanted.equal.items()),
        )
        if value is not None
    ]
    if wanted.statuses is not None:
        conditions.append(_one_of(listing, wanted.statuses))
    if wanted.search is not None:
        conditions.append(_found_in(listing, at(f"%{literal(wanted.search)}%")))
    if wanted.short_id is not None:
        conditions.append(_ending(listing, at(wanted.short_id)))
    if wanted.has_artifacts is not None:
        conditions.append(_with_artifacts(listing.table.kind, wanted.has_artifacts))
    if part is not None and part.ended:
        conditions.append("j.finished_at IS NOT NULL")
    if part is not None and part.after is not None:
        conditions.append(_beyond(part, *part.after, at))
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _one_of(listing: Listing, statuses: frozenset[str]) -> str:
    """As the partial indexes say it: literally, what waits by itself, and what runs by its lease."""
    machine = listing.table.machine
    running = [status for status in machine.statuses(Phase.RUNNING) if status in statuses]
    others = [status for status in machine.phases if status in statuses and status not in (*running, machine.queued)]
    arms = [f"j.status = '{machine.queued}'"] if machine.queued in statuses else []
    arms += [f"({in_list('j.status', tuple(running))} AND j.lease_owner IS NOT NULL)"] if running else []
    arms += [in_list("j.status", tuple(others))] if others else []
    return f"({' OR '.join(arms)})"


def _found_in(listing: Listing, pattern: str) -> str:
    # a kind without texts is never found by one; its argument is named all the same
    texts = [f"j.{name} ILIKE {pattern}" for name in listing.searched] or [f"{pattern}::text IS NULL"]
    return f"({' OR '.join(texts)})"


def _ending(listing: Listing, digits: str) -> str:
    # a question of its own: beside an order and a limit the planner would rather walk the list until it meets them
    return f"j.id = ANY (ARRAY (SELECT id FROM {listing.table.name} WHERE {SHORT_ID} = {digits}))"


def _with_artifacts(kind: str, wanted: bool) -> str:  # noqa: FBT001 - the value of a filter
    some = f"EXISTS (SELECT FROM artifacts a WHERE a.job_kind = '{kind}' AND a.job_id = j.id AND a.status <> 'DELETED')"
    return some if wanted else f"NOT {some}"


def _beyond(part: Part, value: Any, job_id: UUID, at: Arguments) -> str:
    column, sign = f"j.{part.sort_by}", "<" if part.descending else ">"
    if value is None:  # jobs without an end come last in either order
        return f"({column} IS NULL AND j.id {sign} {at(job_id)})"
    rest = f"({column}, j.id) {sign} ({at(value)}, {at(job_id)})"
    return f"({rest} OR {column} IS NULL)" if part.sort_by == "finished_at" and not part.ended else rest


def literal(text: str) -> str:
    """A search text as a LIKE pattern that matches only itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
