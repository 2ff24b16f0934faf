"""The sealer's SQL: committed rows that are not sealed yet, and seals with the copies that they cover."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg

from milepost.db.connections import Connection
from milepost.db.rows import CHORE_SECONDS, fetch
from milepost.db.tenants import TenantDatabase
from milepost.domain.canonical import Entry
from milepost.domain.errors import ConfigurationError, SealRefused

CONTROL = "control"
EPOCH_STARTED = "audit.epoch_started"
ANCHORS_BEGUN = "audit.anchors_begun"

# every transaction below it has ended: nothing can commit there any more. Asked before the rows are read
HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())"

TIME = """coalesce(to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), created_at::text)"""
REST = f"user_id, action, resource_type, resource_id, details::text, {TIME}, actor, version"
SEAL = """log_id, seal_no, epoch, after_id, xid_from, xid_to, first_leaf, leaf_count,
       tree_size, root, frontier, key_id, checkpoint"""


class Seal(NamedTuple):
    """A row of `audit_seals`, without its leaf hashes."""

    log: str
    number: int
    epoch: int
    after_id: int
    xid_from: int
    xid_to: int
    first_leaf: int
    leaf_count: int
    tree_size: int
    root: bytes
    frontier: bytes
    key_id: str
    checkpoint: str


class Position(NamedTuple):
    """Where sealing goes on: rows of the epoch with a greater id, of this transaction and later ones."""

    epoch: int = 1
    after_id: int = 0
    xid_from: int = 0


class Batch(NamedTuple):
    """Rows in the order of their transactions and ids, whole transactions only, and the line that they reach."""

    entries: list[Entry]
    xid_to: int
    more: bool


async def last_seal(control: TenantDatabase, log: str) -> Seal | None:
    rows = await fetch(control, f"SELECT {SEAL} FROM audit_seals WHERE log_id = $1 ORDER BY seal_no DESC LIMIT 1", log)
    return Seal(*rows[0]) if rows else None


async def seals_from(control: TenantDatabase, log: str, tree_size: int, most: int) -> list[tuple[Seal, bytes]]:
    """Seals whose tree is at least so large, with their leaf hashes, the smallest first."""
    sql = f"""SELECT {SEAL}, leaf_hashes FROM audit_seals
WHERE log_id = $1 AND tree_size >= $2 ORDER BY seal_no LIMIT $3"""
    return [(Seal(*row[:-1]), row[-1]) for row in await fetch(control, sql, log, tree_size, most)]


async def horizon(database: TenantDatabase) -> int:
    return (await fetch(database, HORIZON))[0][0]


def source(log: str) -> tuple[str, str]:
    """How a log's own table tells of the tenant, and which of its rows are the log's."""
    return ("tenant_id", "source_id IS NULL AND ") if log == CONTROL else (f"'{log}'", "")


async def pending(database: TenantDatabase, log: str, at: Position, most: int) -> Batch:
    """Rows that nothing can come before any more. More than `most` only where one transaction alone wrote more."""
    line = await horizon(database)
    rows = await _between(database, log, at, line, most)
    if len(rows) < most:
        return Batch(rows, line, more=False)
    last = rows[-1].xid
    whole = [entry for entry in rows if entry.xid < last]
    if whole:
        return Batch(whole, last, more=True)
    return Batch(await _between(database, log, at._replace(xid_from=last), last + 1, None), last + 1, more=True)


async def exactly(database: TenantDatabase, log: str, at: Position, count: int) -> Batch:
    """The next `count` rows, for a seal that was made before and lost."""
    rows = await _between(database, log, at, await horizon(database), count)
    return Batch(rows, rows[-1].xid + 1 if rows else at.xid_from, more=True)


async def _between(database: TenantDatabase, log: str, at: Position, line: int, most: int | None) -> list[Entry]:
    tenant, own = source(log)
    sql = f"""SELECT id, xid, {tenant}, {REST} FROM audit_logs
WHERE {own}xid >= $1 AND xid < $2 AND id > $3
ORDER BY audit_logs.xid, id LIMIT $4"""
    rows = await fetch(database, sql, at.xid_from, line, at.after_id, most, limit=CHORE_SECONDS)
    return [Entry(log, at.epoch, *row) for row in rows]


OLDEST = """
SELECT CASE WHEN isfinite(created_at) THEN extract(epoch FROM clock_timestamp() - created_at)::float8 ELSE 0 END
FROM audit_logs
WHERE {own}xid >= $1 AND id > $2 ORDER BY xid, id LIMIT 1"""


async def lag(database: TenantDatabase, log: str, at: Position) -> float:
    """The age of the oldest row that no seal covers, in seconds."""
    rows = await fetch(database, OLDEST.format(own=source(log)[1]), at.xid_from, at.after_id)
    return max(rows[0][0], 0.0) if rows else 0.0


async def newest_copy(control: TenantDatabase, log: str, epoch: int, up_to: int = 2**63 - 1) -> tuple[int, int] | None:
    """Id and transaction of the copied row with the highest id."""
    sql = """SELECT source_id, xid FROM audit_logs
WHERE tenant_id = $1 AND epoch = $2 AND source_id <= $3 ORDER BY source_id DESC LIMIT 1"""
    rows = await fetch(control, sql, log, epoch, up_to)
    return (rows[0][0], rows[0][1]) if rows else None


async def seal_numbered(control: TenantDatabase, log: str, number: int) -> Seal | None:
    rows = await fetch(control, f"SELECT {SEAL} FROM audit_seals WHERE log_id = $1 AND seal_no = $2", log, number)
    return Seal(*rows[0]) if rows else None


async def copies_under(control: TenantDatabase, seal: Seal) -> list[Entry]:
    """What a seal of a tenant's log covers, in the order of its leaves."""
    sql = f"""SELECT source_id, xid, tenant_id, {REST} FROM audit_logs
WHERE tenant_id = $1 AND epoch = $2 AND source_id IS NOT NULL
  AND xid >= $3 AND xid < $4 ORDER BY audit_logs.xid, source_id"""
    rows = await fetch(control, sql, seal.log, seal.epoch, seal.xid_from, seal.xid_to)
    return [Entry(seal.log, seal.epoch, *row) for row in rows]


async def is_there(database: TenantDatabase, row_id: int, xid: int) -> bool:
    sql = "SELECT EXISTS (SELECT FROM audit_logs WHERE id = $1 AND xid = $2)"
    return (await fetch(database, sql, row_id, xid))[0][0]


TELL = """
INSERT INTO audit_logs (user_id, action, resource_type, resource_id, details, actor)
SELECT 'system', $1, 'audit', $2, $3::jsonb, $4"""
ONCE = " WHERE NOT EXISTS (SELECT FROM audit_logs WHERE action = $1 AND details = $3::jsonb AND id > $5)"


async def tell(database: TenantDatabase, action: str, log: str, facts: Mapping[str, int], *, actor: str) -> None:
    """An audit row of what was done with a log."""
    await fetch(database, TELL, action, log, json.dumps(facts), actor)


async def tell_restore(
    database: TenantDatabase, log: str, facts: Mapping[str, int], *, after_id: int, actor: str
) -> None:
    """Unless an earlier try has told of it, which then failed."""
    await fetch(database, TELL + ONCE, EPOCH_STARTED, log, json.dumps(facts), actor, after_id)


async def tells_of(database: TenantDatabase, log: str, epoch: int) -> dict[str, int] | None:
    """What the row says that tells of an epoch: in the log itself, or in its copies, once it is sealed."""
    sql = """SELECT details::text FROM audit_logs
WHERE action = $1 AND resource_id = $2 AND details ->> 'epoch' = $3 ORDER BY id DESC LIMIT 1"""
    rows = await fetch(database, sql, EPOCH_STARTED, log, str(epoch))
    return json.loads(rows[0][0]) if rows else None


COPY = """
INSERT INTO audit_logs (tenant_id, epoch, source_id, user_id, action, resource_type, resource_id, details, created_at,
                        actor, version, xid)
SELECT $1, $2, r.id, r.user_id, r.action, r.resource_type, r.resource_id, r.details::jsonb, r.created_at::timestamptz,
       r.actor, r.version, r.xid::text::xid8
FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
            $11::text[], $12::int[])
  AS r (id, xid, user_id, action, resource_type, resource_id, details, created_at, actor, version)"""

INSERT = """
INSERT INTO audit_seals (log_id, seal_no, epoch, after_id, xid_from, xid_to, first_leaf, leaf_count, tree_size, root,
                         frontier, key_id, checkpoint, leaf_hashes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"""

SEAL_KEY = "pk_audit_seals"
STORED = "SELECT checkpoint FROM audit_seals WHERE log_id = $1 AND seal_no = $2"


async def append(control: TenantDatabase, seal: Seal, leaf_hashes: bytes, entries: Sequence[Entry]) -> bool:
    """The seal and the copies of what it covers, in one transaction. False: another sealer was first.

    Raises SealRefused where a row is copied already, ConfigurationError for a login that may not, and Unavailable.
    """

    async def work(connection: Connection, *, doubt: bool) -> bool:
        try:
            async with connection.transaction():
                # the seal first: its key decides between two sealers before either has copied anything
                await connection.execute(INSERT, *seal, leaf_hashes)
                if seal.log != CONTROL:
                    await connection.execute(COPY, seal.log, seal.epoch, *_columns(entries))
        except asyncpg.UniqueViolationError as clash:
            if clash.constraint_name != SEAL_KEY:
                why = "the control database holds a copy of one of its rows already, which no seal covers"
                raise SealRefused(log=seal.log, why=why) from None
            # an earlier try of ours may have committed and its answer been lost
            return doubt and await connection.fetchval(STORED, seal.log, seal.number) == seal.checkpoint
        except asyncpg.InsufficientPrivilegeError:
            raise ConfigurationError(
                "This login at the control database may not add seals.",
                hint="Name one in milepost_sealer in MILEPOST_SEALER_DATABASE_URL, and run 'milepost migrate'.",
            ) from None
        return True

    return await control.connections.run_doubting(work, limit=60.0)


def _columns(entries: Sequence[Entry]) -> list[list[Any]]:
    columns = list(zip(*(entry[2:4] + entry[5:] for entry in entries), strict=True))
    return [list(column) for column in columns]
