"""Ways in which a server refuses everybody, done to one database and undone again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from milepost.db.connections import Patience
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.db.urls import database_name, quoted
from tests.db_fixtures import Urls, as_login

PASSWORD = "first"
# far shorter than a fault lasts: what is tried again then is the result, not the statement
OPTIONS = DatabaseOptions(patience=Patience(whole=0.2, one_try=5.0))
numbers = count()


@dataclass(frozen=True)
class Fault:
    """`{role}` and `{database}` are the login's and its database's. `told`: what the house says of it."""

    begin: str
    end: str
    told: str


THROW_OUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk AFTER UPDATE ON executions FOR EACH STATEMENT EXECUTE FUNCTION full_disk()"""
FAULTS = {
    "password": Fault(
        f"ALTER ROLE {{role}} PASSWORD 'other'; {THROW_OUT}",
        f"ALTER ROLE {{role}} PASSWORD '{PASSWORD}'",
        "it refuses the login",
    ),
    "no login": Fault(f"ALTER ROLE {{role}} NOLOGIN; {THROW_OUT}", "ALTER ROLE {role} LOGIN", "it refuses the login"),
    "right": Fault(
        "REVOKE INSERT, UPDATE ON executions FROM milepost_app",
        "GRANT INSERT, UPDATE ON executions TO milepost_app",
        "the login lacks a right",
    ),
    "read-only": Fault(
        f"ALTER DATABASE {{database}} SET default_transaction_read_only = on; {THROW_OUT}",
        "SET default_transaction_read_only = off; ALTER DATABASE {database} RESET default_transaction_read_only",
        "it only reads",
    ),
    "table": Fault(
        "ALTER TABLE executions RENAME TO elsewhere",
        "ALTER TABLE elsewhere RENAME TO executions",
        "its tables are not those of this release",
    ),
    "disk": Fault(FULL, "DROP TRIGGER full_disk ON executions", "its disk is full"),
}


@dataclass(frozen=True)
class Login:
    """An application's login that nobody else has, and its database as the application sees it."""

    role: str
    url: str
    database: TenantDatabase
    owner: Any

    async def do(self, sql: str) -> None:
        await self.owner.execute(sql.format(role=self.role, database=quoted(database_name(self.url))))


@asynccontextmanager
async def own_login(urls: Urls, owner: Any) -> AsyncIterator[Login]:
    role = f"held_{next(numbers)}"
    url = as_login(urls.owner, role, PASSWORD)
    await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' IN ROLE milepost_app")
    await owner.execute(f"GRANT CONNECT ON DATABASE {quoted(database_name(url))} TO {role}")
    database = await open_database("default", url, OPTIONS)
    try:
        yield Login(role, url, database, owner)
    finally:
        await database.close()
        await owner.execute(f"REVOKE CONNECT ON DATABASE {quoted(database_name(url))} FROM {role}; DROP ROLE {role}")
