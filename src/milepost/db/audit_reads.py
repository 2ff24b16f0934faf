"""Whole audit logs as streams, for checks and proofs: rows, copies and seals, each in the order it is needed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from milepost.db.proofs import PAGE, PAGE_SECONDS
from milepost.db.seals import ANCHORS_BEGUN, CONTROL, REST, SEAL, Seal, source
from milepost.domain.canonical import Entry

FEW = 20


class Kept(NamedTuple):
    """A seal with what it covers and when it says it was made: seconds since 1970, infinite where that is what it says."""

    seal: Seal
    leaf_hashes: bytes
    sealed_at: float


class Clock(NamedTuple):
    """A database's time, and the transaction number that none has reached which can be seen."""

    now: float
    horizon: int


async def seals(connection: Any, log: str) -> AsyncIterator[Kept]:
    """The oldest first."""
    sql = f"""SELECT {SEAL}, leaf_hashes, extract(epoch FROM sealed_at)::float8 FROM audit_seals
WHERE log_id = $1 ORDER BY seal_no"""
    async for row in _stream(connection, sql, log, page=FEW):
        yield Kept(Seal(*row[:-2]), row[-2], row[-1])


def _copies(log: str) -> str:
    """Copies of a tenant's rows; for the control log, its own rows."""
    own = "id, xid, tenant_id" if log == CONTROL else "source_id, xid, tenant_id"
    which = "source_id IS NULL AND $1 = 'control'" if log == CONTROL else "source_id IS NOT NULL AND tenant_id = $1"
    return f"SELECT epoch, {own}, {REST} FROM audit_logs WHERE {which}"


async def leaves(connection: Any, log: str) -> AsyncIterator[Entry]:
    """What was sealed, in the order of the leaves."""
    order = "audit_logs.xid, id" if log == CONTROL else "epoch, audit_logs.xid, source_id"
    async for row in _stream(connection, f"{_copies(log)} ORDER BY {order}", log):
        yield Entry(log, *row)


async def copies(connection: Any, log: str) -> AsyncIterator[Entry]:
    """The same in the order of the ids within an epoch."""
    async for row in _stream(connection, f"{_copies(log)} ORDER BY epoch, source_id", log):
        yield Entry(log, *row)


async def rows(connection: Any, log: str) -> AsyncIterator[Entry]:
    """The log itself as it stands, in the order of the ids. The epoch is not known yet."""
    tenant, own = source(log)
    sql = f"SELECT id, xid, {tenant}, {REST} FROM audit_logs WHERE {own}true ORDER BY id"
    async for row in _stream(connection, sql):
        yield Entry(log, 0, *row)


async def rows_as_sealed(connection: Any, log: str, after_id: int) -> AsyncIterator[Entry]:
    """A tenant's rows behind an id, in the order in which they are sealed."""
    tenant, own = source(log)
    sql = f"""SELECT id, xid, {tenant}, {REST} FROM audit_logs
WHERE {own}id > $1 ORDER BY audit_logs.xid, id"""
    async for row in _stream(connection, sql, after_id):
        yield Entry(log, 0, *row)


async def leaves_of_epoch(connection: Any, log: str, epoch: int) -> AsyncIterator[Entry]:
    """What was sealed of a tenant in an epoch, in the order of the leaves."""
    sql = f"{_copies(log)} AND epoch = $2 ORDER BY audit_logs.xid, source_id"
    async for row in _stream(connection, sql, log, epoch):
        yield Entry(log, *row)


async def leaves_about(connection: Any, log: str, resource: str) -> Sequence[Entry]:
    """What was sealed of one resource, in the order of the leaves."""
    sql = (
        f"{_copies(log)} AND resource_id = $2 ORDER BY epoch, audit_logs.xid, {'id' if log == CONTROL else 'source_id'}"
    )
    return [Entry(log, *row) for row in await connection.fetch(sql, log, resource, timeout=PAGE_SECONDS)]


async def clock(connection: Any) -> Clock:
    sql = "SELECT extract(epoch FROM clock_timestamp())::float8, pg_snapshot_xmax(pg_current_snapshot())"
    return Clock(*await connection.fetchrow(sql))


async def anchors_begun(connection: Any, log: str) -> set[str]:
    """The numbers of the seals at which the log's own rows say that its anchors were begun again."""
    sql = f"""SELECT details ->> 'seal' FROM audit_logs
WHERE {source(log)[1]}action = '{ANCHORS_BEGUN}' AND resource_id = $1 AND details ? 'seal'"""
    return {row[0] for row in await connection.fetch(sql, log, timeout=PAGE_SECONDS)}


async def strange_logs(connection: Any) -> list[str]:
    """Logs that have seals or copies, and no tenant."""
    sql = f"""(SELECT log_id FROM audit_seals UNION SELECT tenant_id FROM audit_logs WHERE source_id IS NOT NULL)
EXCEPT (SELECT id FROM tenants UNION SELECT '{CONTROL}') ORDER BY 1"""
    return [row[0] for row in await connection.fetch(sql, timeout=PAGE_SECONDS)]


async def _stream(connection: Any, sql: str, *args: Any, page: int = PAGE) -> AsyncIterator[Any]:
    cursor = await connection.cursor(sql, *args, timeout=PAGE_SECONDS)
    while found := await cursor.fetch(page, timeout=PAGE_SECONDS):
        for row in found:
            yield row
