"""Prepares a server for an installation: roles, databases, logins, both histories, the first tenant. Safe to repeat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import asyncpg

from milepost.db import migrate
from milepost.db.connecting import connect
from milepost.db.roles import APP, CREATE_ROLES, MAINTENANCE, PREPARE_DATABASE, SEALER, database_settings
from milepost.db.urls import database_name, quoted, with_database
from milepost.tenancy.scram import verifier


@dataclass(frozen=True, slots=True)
class Login:
    """A login role and the group role whose rights it has. `password` None: the role is left as it is."""

    role: str
    member_of: str
    password: str | None = field(default=None, repr=False)


def logins(tenant: str, app_password: str, maintenance_password: str) -> tuple[Login, Login]:
    """The two logins of a tenant: for API and workers, and for maintenance."""
    return (
        Login(f"milepost_{tenant}_app", APP, app_password),
        Login(f"milepost_{tenant}_maintenance", MAINTENANCE, maintenance_password),
    )


def sealer_login(tenant: str, password: str) -> Login:
    """The login with which maintenance writes seals, and nothing else."""
    return Login(f"milepost_{tenant}_sealer", SEALER, password)


async def prepare_cluster(owner_url: str, users: tuple[Login, ...] = ()) -> None:
    """Group roles and logins. Raises asyncpg.InsufficientPrivilegeError where the owner may not create roles."""
    connection = await connect(owner_url)
    try:
        await connection.execute(CREATE_ROLES)
        for user in users:
            await _ensure_login(connection, user)
    finally:
        await connection.close()


async def _ensure_login(connection: asyncpg.Connection[Any], user: Login) -> None:
    exists = await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", user.role)
    verb = "ALTER" if exists else "CREATE"
    # a role statement takes no parameters, and statements are logged: it carries what the server keeps anyway
    password = f" PASSWORD '{verifier(user.password)}'" if user.password else ""
    await connection.execute(f'{verb} ROLE "{user.role}" LOGIN{password}')
    await connection.execute(f'GRANT {user.member_of} TO "{user.role}"')
    if user.member_of == APP:
        # its statements name jobs by id: a scan of the table is never the better plan once the table has grown
        await connection.execute(f'ALTER ROLE "{user.role}" SET enable_seqscan = off')


async def ensure_database(owner_url: str, name: str, users: tuple[Login, ...] = ()) -> str:
    """Creates and prepares a database on the owner's server, for these logins. Answers the owner's URL of it."""
    await create_database(owner_url, name)
    url = with_database(owner_url, name)
    await prepare_database(url, users)
    return url


async def create_database(owner_url: str, name: str) -> None:
    """Does nothing where it is there. Raises asyncpg.InsufficientPrivilegeError for an owner without CREATEDB."""
    connection = await connect(owner_url)
    try:
        if not await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", name):
            await connection.execute(f"CREATE DATABASE {quoted(name)}")
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        return  # somebody else did at this moment
    finally:
        await connection.close()


async def prepare_database(url: str, users: tuple[Login, ...] = ()) -> None:
    """Schema rights and the database's own settings; these logins may connect."""
    connection = await connect(url)
    try:
        name = database_name(url)
        await connection.execute(f"REVOKE CONNECT ON DATABASE {quoted(name)} FROM PUBLIC")
        if await connection.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = $1", APP):
            await connection.execute(PREPARE_DATABASE)
        await connection.execute(database_settings(name))
        await _admit(connection, name, users)
    finally:
        await connection.close()


async def _admit(connection: asyncpg.Connection[Any], name: str, users: tuple[Login, ...]) -> None:
    """Every tenant's logins are members of the same groups: not the groups may connect, but a database's own logins."""
    if users:
        roles = ", ".join(f'"{user.role}"' for user in users)
        await connection.execute(f"GRANT CONNECT ON DATABASE {quoted(name)} TO {roles}")
        await connection.execute(f"REVOKE CONNECT ON DATABASE {quoted(name)} FROM {APP}, {MAINTENANCE}, {SEALER}")


async def register_tenant(
    control_owner_url: str, tenant: str, *, name: str, address: str, database: str, key_wrapped: bytes
) -> None:
    """Enters a tenant in the control database; an existing entry keeps its key."""
    connection = await connect(control_owner_url)
    try:
        await connection.execute(
            "INSERT INTO tenants (id, name, database_url, database_name, key_wrapped, revision)"
            " VALUES ($1, $2, $3, $4, $5, $6)"
            " ON CONFLICT (id) DO UPDATE SET database_url = excluded.database_url,"
            " database_name = excluded.database_name, revision = excluded.revision",
            tenant, name, address, database, key_wrapped, migrate.head("tenant"),
        )  # fmt: skip
    finally:
        await connection.close()
