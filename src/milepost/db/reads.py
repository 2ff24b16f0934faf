"""What dashboards and callers read: lists with filters, keys in use, active models."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from milepost.db.connections import Connection, Connections
from milepost.db.filters import Arguments, Listing, Part, Wanted, names, where
from milepost.db.job_table import JobTable
from milepost.domain.errors import SearchTooSlow
from milepost.domain.job import Job

EXACT = 10_000
PREVIEW = 500
# less than an API process gives one try
LIST_SECONDS = 1.5
SEARCH_SECONDS = 1.0


class Listed(NamedTuple):
    """`more`: there is a next page. `total` is None beyond 10,000, or where counting took too long."""

    jobs: list[Job]
    more: bool
    total: int | None


async def list_jobs(connections: Connections, listings: Sequence[Listing], wanted: Wanted, part: Part) -> Listed:
    """Raises SearchTooSlow: nobody may make the database work long by asking."""
    chosen = [listing for listing in listings if _may_match(listing, wanted)]
    if not chosen:
        return Listed([], more=False, total=0)

    async def work(connection: Connection) -> Listed:
        loop = asyncio.get_running_loop()
        ends = loop.time() + (SEARCH_SECONDS if wanted.search else LIST_SECONDS)
        try:
            meant = await _meant(connection, chosen, wanted, ends)
            jobs = await _page(connection, chosen, meant, part, ends)
        except TimeoutError:
            raise SearchTooSlow from None
        total = await _count(connection, chosen, meant, ends)
        return Listed(jobs[: part.limit], len(jobs) > part.limit, total)

    return await connections.run(work)


async def _meant(connection: Connection, listings: Sequence[Listing], wanted: Wanted, ends: float) -> Wanted:
    """A search for what names a job, by its whole id, its short one or its name, is for that job and not for a text."""
    if wanted.search is None:
        return wanted
    found: set[UUID] = set()
    for listing in listings:
        for condition, value in names(listing, wanted.search):
            sql = f"SELECT id, user_id FROM {listing.table.name} WHERE {condition}"
            rows = await connection.fetch(sql, value, timeout=_left(ends))
            # others' jobs count as none: what they are called is nobody's business
            found |= {row["id"] for row in rows if wanted.owner in {None, row["user_id"]}}
    return replace(wanted, search=None, ids=frozenset(found)) if found else wanted


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
        f"SELECT {_columns(listing)} FROM {listing.table.name} j{where(listing, wanted, part, at)}"
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
        f"{where(listing, wanted, part, at)} ORDER BY {_order(part)} LIMIT {reach})"
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
        f"(SELECT FROM {listing.table.name} j{where(listing, wanted, None, at)} LIMIT {EXACT + 1})"
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
