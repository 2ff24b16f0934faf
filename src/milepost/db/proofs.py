"""Reads what `verify` and the start-up self test need: whole histories as streams, triggers, rights, the legal edges."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from milepost.db.job_table import JobTable
from milepost.db.rows import fetch, readable
from milepost.db.tenants import TenantDatabase

PAGE = 2000
# one page may stand behind a sort of the whole log
PAGE_SECONDS = 600


class Present(NamedTuple):
    """What a job's row says now."""

    id: UUID
    status: str
    version: int
    ended: bool
    leased: bool


class Step(NamedTuple):
    """One row of the history. `at` is as PostgreSQL writes it: Python has no word for some of its times."""

    job_id: UUID
    version: int
    from_status: str | None
    to_status: str
    reason: str | None
    actor: str
    at: str
    attempt: int


class Told(NamedTuple):
    """One audit row of a transition; of the job's deletion where `version` is None.

    Where `has_details`, it holds what the job was, the attempt, and the reason's first word.
    """

    resource_id: str
    version: int | None
    action: str
    actor: str
    at: str
    has_details: bool
    was: str | None
    attempt: str | None
    reason: str | None


@asynccontextmanager
async def one_moment(database: TenantDatabase) -> AsyncGenerator[Any]:
    """A connection that sees the database as it is at one instant. Raises Unavailable and Unreadable."""
    try:
        pool: Any = database.pool
        with readable(database.name):
            async with (
                pool.acquire(timeout=10) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                await connection.execute(
                    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
                )
                yield connection
    except Exception as error:
        fault = database.connections.fault_of(error)
        if fault is None:
            raise
        raise fault from error


def jobs(connection: Any, table: JobTable) -> AsyncIterator[Present]:
    """In the order of their ids, as all three streams are."""
    sql = f"""
SELECT id, status, version, finished_at IS NOT NULL, lease_owner IS NOT NULL FROM {table.name} ORDER BY id"""
    return _stream(connection, sql, Present)


def steps(connection: Any, table: JobTable) -> AsyncIterator[Step]:
    sql = f"""
SELECT job_id, version, from_status, to_status, reason, actor, transitioned_at::text, attempt
FROM status_transitions WHERE job_kind = '{table.kind}' ORDER BY job_id, version"""
    return _stream(connection, sql, Step)


def told(connection: Any, table: JobTable) -> AsyncIterator[Told]:
    sql = f"""
SELECT resource_id, version, action, actor, created_at::text,
       coalesce(details ? 'to', false), details ->> 'from', details ->> 'attempt', details ->> 'reason'
FROM audit_logs
WHERE resource_type = '{table.kind}' AND (version IS NOT NULL OR action = '{table.kind}.deleted')
ORDER BY resource_id COLLATE "C", version NULLS LAST, id"""
    return _stream(connection, sql, Told)


async def _stream(connection: Any, sql: str, shape: Any) -> AsyncIterator[Any]:
    cursor = await connection.cursor(sql, timeout=PAGE_SECONDS)
    while page := await cursor.fetch(PAGE, timeout=PAGE_SECONDS):
        for row in page:
            yield shape(*row)


class Trigger(NamedTuple):
    """A trigger that must be there; `enabled` is 'A' for ENABLE ALWAYS, 'O' for an ordinary one."""

    table: str
    name: str
    enabled: str


async def triggers(database: TenantDatabase) -> set[Trigger]:
    sql = """
SELECT c.relname, t.tgname, t.tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace"""
    return {Trigger(*row) for row in await fetch(database, sql)}


async def partitions(database: TenantDatabase, parent: str) -> list[str]:
    sql = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass($1) ORDER BY 1"""
    return [row[0] for row in await fetch(database, sql, parent)]


async def legal_transitions(database: TenantDatabase) -> set[tuple[str, str, str, str]]:
    """Empty where the database was never migrated."""
    if not (await fetch(database, "SELECT to_regclass('legal_transitions')"))[0][0]:
        return set()
    sql = "SELECT job_kind, from_status, to_status, to_phase FROM legal_transitions"
    return {(row[0], row[1], row[2], row[3]) for row in await fetch(database, sql)}


class Role(NamedTuple):
    """What our login is beyond its rights."""

    name: str
    superuser: bool
    owns: list[str]
    writes_all: bool


async def role(database: TenantDatabase) -> Role:
    sql = """
SELECT current_user::text, r.rolsuper,
       ARRAY(SELECT c.relname::text FROM pg_class c
             WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
               AND pg_has_role(c.relowner, 'USAGE') ORDER BY 1),
       pg_has_role('pg_write_all_data', 'USAGE')
FROM pg_roles r WHERE r.rolname = current_user"""
    row = (await fetch(database, sql))[0]
    return Role(row[0], row[1], list(row[2]), row[3])


async def attempt_forgeries(database: TenantDatabase, histories: list[str]) -> list[str]:
    """Tries what nobody may do, in a transaction that is rolled back. Answers what was not refused."""
    try:
        pool: Any = database.pool
        async with pool.acquire(timeout=10) as connection:
            return await _attempt(connection, histories)
    except Exception as error:
        fault = database.connections.fault_of(error)
        if fault is None:
            raise
        raise fault from error


async def _attempt(connection: Any, histories: list[str]) -> list[str]:
    whole = connection.transaction()
    await whole.start()
    try:
        # an owner's TRUNCATE waits for others before its trigger refuses it: a moment is enough to learn that
        await connection.execute("SET LOCAL lock_timeout = '500ms'")
        row = await _own_audit_row(connection)
        tries = {
            "UPDATE of audit_logs": f"UPDATE audit_logs SET action = action WHERE id = {row}",
            "DELETE of audit_logs": f"DELETE FROM audit_logs WHERE id = {row}",
            "TRUNCATE of audit_logs": "TRUNCATE audit_logs",
        }
        for table in histories:
            tries[f"UPDATE of {table}"] = (
                f"UPDATE {table} SET actor = actor WHERE id = (SELECT id FROM {table} LIMIT 1)"
            )
            tries[f"TRUNCATE of {table}"] = f"TRUNCATE {table}"
        return [name for name, sql in tries.items() if not await _refused(connection, sql)]
    finally:
        await whole.rollback()


async def _own_audit_row(connection: Any) -> int:
    """A row of our own to try on; 0 where none can be added."""
    try:
        async with connection.transaction():
            return await connection.fetchval(
                "INSERT INTO audit_logs (user_id, action, resource_type, resource_id)"
                " VALUES ('system', 'guards.checked', 'guards', 'self') RETURNING id"
            )
    except asyncpg.PostgresError:
        return 0


async def _refused(connection: Any, sql: str) -> bool:
    """An UPDATE that found no row proves nothing, and is left to the look at the triggers."""
    savepoint = connection.transaction()
    await savepoint.start()
    try:
        done: str = await connection.execute(sql)
    except asyncpg.PostgresError:
        return True
    else:
        return done.endswith(" 0") and not done.startswith("TRUNCATE")
    finally:
        await savepoint.rollback()
