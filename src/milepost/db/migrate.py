"""Runs the Alembic histories from code: upgrade, downgrade, current revision. Commits per revision."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from alembic import command, op
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from milepost.db.connecting import connect
from milepost.db.locations import History, history
from milepost.db.roles import OWNER

LOCK_TIMEOUT = "3s"
STATEMENT_TIMEOUT = "10min"
# one migration of a database at a time; a direct connection, so a session lock is safe
ADVISORY_LOCK = 0x6D696C65


def config(name: History, connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(history(name)).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def head(name: History) -> str | None:
    return ScriptDirectory.from_config(config(name)).get_current_head()


async def upgrade(url: str, name: History, revision: str = "head") -> None:
    """Raises what the failing statement raised; the revision it belongs to is undone whole."""
    await _run(url, lambda connection: command.upgrade(config(name, connection), revision))


async def downgrade(url: str, name: History, revision: str) -> None:
    await _run(url, lambda connection: command.downgrade(config(name, connection), revision))


async def current(url: str) -> str | None:
    """The revision a database is at; None when it was never migrated."""
    found: list[str | None] = []
    await _run(
        url,
        lambda connection: found.append(MigrationContext.configure(connection).get_current_revision()),
        locked=False,
    )
    return found[0]


async def _run(url: str, work: Callable[[Connection], Any], *, locked: bool = True) -> None:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: connect(url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_with_limits if locked else _nothing)
            await connection.run_sync(work)
            await connection.commit()
    finally:
        await engine.dispose()


def _nothing(_: Connection) -> None:
    return None


def _with_limits(connection: Connection) -> None:
    connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
    connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
    connection.execute(text(f"SELECT pg_advisory_lock({ADVISORY_LOCK})"))
    if connection.execute(
        text("SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = :role"), {"role": OWNER}
    ).scalar():
        connection.execute(text(f"SET ROLE {OWNER}"))
    connection.commit()


def script(sql: str) -> None:
    """Runs many statements, functions with their bodies included, in the transaction of the revision."""
    bind = op.get_bind()
    bind.exec_driver_sql("SELECT 1")  # begins the transaction, which the driver's own execute would not
    driver: Any = bind.connection.dbapi_connection

    def whole(connection: asyncpg.Connection[Any]) -> Awaitable[str]:
        return connection.execute(sql)

    driver.run_async(whole)
