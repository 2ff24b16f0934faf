"""Makes an installation out of a server, or brings one up to date: roles, databases, histories, tenant, models."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import asyncpg

from milepost.db import migrate
from milepost.db.connecting import connect
from milepost.db.roles import CREATE_ROLES, OWNER
from milepost.db.urls import database_name, login_of, quoted, with_database, with_login
from milepost.domain.api_key import DEFAULT_TENANT
from milepost.domain.errors import ConfigurationError
from milepost.tenancy import keys
from milepost.tenancy.install import (
    Login,
    create_database,
    logins,
    prepare_cluster,
    prepare_database,
    register_tenant,
    sealer_login,
)
from milepost.tenancy.seed import copy_models, seed
from milepost.tenancy.trouble import plain_trouble

# The address itself stands in the settings of every process; the control database names where.
REFERENCE = "env:MILEPOST_DATABASE_URL"

# One first start of a database at a time; the migrations' own lock is another.
ADVISORY_LOCK = 0x6D696C66


class KeySource(Protocol):
    """Where the master key is, or comes from."""

    def known(self) -> bytes | None:
        """None: there is none yet."""
        ...

    def make(self) -> bytes:
        """Called only where the database was made with none."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make and where.

    `app_url`, `maintenance_url` and `sealer_url` are logins that somebody else made, the last at the control database.
    Where they are None, logins are made with the passwords; where those are None too, the owner's login serves.
    """

    owner_url: str = field(repr=False)
    control_owner_url: str = field(repr=False)
    app_password: str | None = field(default=None, repr=False)
    maintenance_password: str | None = field(default=None, repr=False)
    sealer_password: str | None = field(default=None, repr=False)
    app_url: str | None = field(default=None, repr=False)
    maintenance_url: str | None = field(default=None, repr=False)
    sealer_url: str | None = field(default=None, repr=False)
    development: bool = True


@dataclass(frozen=True, slots=True)
class Addresses:
    """The databases of an installation, as each of its processes connects. They hold passwords."""

    owner: str = field(repr=False)
    app: str = field(repr=False)
    maintenance: str = field(repr=False)
    control_owner: str = field(repr=False)
    control: str = field(repr=False)
    own_roles: bool = True
    sealer: str = field(default="", repr=False)


async def make_ready(plan: Plan, master_key: bytes | KeySource) -> Addresses:
    """Safe to repeat, and to do several times at once: one after the other.

    Raises as `plain_trouble` does, and ConfigurationError for a master key that is missing or another one.
    """
    with plain_trouble():
        await _create_databases(plan)
        async with _alone(plan.owner_url):
            return await _make_ready(plan, master_key)


async def _make_ready(plan: Plan, master_key: bytes | KeySource) -> Addresses:
    own_roles = await _group_roles(plan.owner_url)
    await prepare_database(plan.control_owner_url)
    await migrate.upgrade(plan.control_owner_url, "control")
    # before anything of the tenant's is touched: another data folder's database is refused here
    known = master_key if isinstance(master_key, bytes) else master_key.known()
    await _check_key(plan.control_owner_url, known)
    addresses, users = await _log_in(plan) if own_roles else (_one_role(plan), ())
    for url in (plan.control_owner_url, plan.owner_url):
        await prepare_database(url, users)
    await migrate.upgrade(plan.owner_url, "tenant")
    # a new one at the last moment: whatever fails before leaves no key behind
    key = known or _made(master_key)
    await register_tenant(
        plan.control_owner_url,
        DEFAULT_TENANT,
        name="Default",
        address=REFERENCE,
        database=database_name(plan.owner_url),
        key_wrapped=keys.wrap(key, keys.new_key(), f"tenant {DEFAULT_TENANT}"),
    )
    await seed(plan.control_owner_url, development=plan.development)
    await copy_models(plan.control_owner_url, plan.owner_url)
    return addresses


def _made(master_key: bytes | KeySource) -> bytes:
    return master_key if isinstance(master_key, bytes) else master_key.make()


async def _create_databases(plan: Plan) -> None:
    """Those that the addresses name and that are not there. Raises ConfigurationError that tells which to create."""
    missing = [url for url in (plan.owner_url, plan.control_owner_url) if not await _exists(url)]
    for url in missing:
        try:
            await create_database(with_database(url, "postgres"), database_name(url))
        except asyncpg.InsufficientPrivilegeError as error:
            role = quoted(login_of(url)[0])
            statements = " ".join(f"CREATE DATABASE {quoted(database_name(one))} OWNER {role};" for one in missing)
            hint = f"Let somebody who may run this, then try again: {statements}"
            raise ConfigurationError(f"The owner's login may not create databases: {error}.", hint=hint) from None


async def _exists(url: str) -> bool:
    try:
        await (await connect(url)).close()
    except asyncpg.InvalidCatalogNameError:
        return False
    return True


@asynccontextmanager
async def _alone(owner_url: str) -> AsyncGenerator[None]:
    """Waits for whoever makes the same database ready; a connection of its own, so a session lock is safe."""
    connection = await connect(owner_url)
    try:
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("SET lock_timeout = 0")
        await connection.execute(f"SELECT pg_advisory_lock({ADVISORY_LOCK})")
        yield
    finally:
        await connection.close()


async def _group_roles(owner_url: str) -> bool:
    """Whether the roles exist and are ours to give; False on a host that allows one role only."""
    connection = await connect(owner_url)
    try:
        await connection.execute(CREATE_ROLES)
        if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
            await connection.execute(f"GRANT {OWNER} TO CURRENT_USER")
    except asyncpg.InsufficientPrivilegeError:
        return False
    finally:
        await connection.close()
    return True


async def _check_key(control_owner_url: str, known: bytes | None) -> None:
    connection = await connect(control_owner_url)
    try:
        wrapped = await connection.fetchval("SELECT key_wrapped FROM tenants WHERE id = $1", DEFAULT_TENANT)
    finally:
        await connection.close()
    if wrapped is None:
        return
    if known is None:
        raise ConfigurationError(
            "The database was made with a master key that is not here.",
            hint="Set MILEPOST_MASTER_KEY, or MILEPOST_MASTER_KEY_FILE to the file the installation was made with.",
        )
    keys.unwrap(known, wrapped, f"tenant {DEFAULT_TENANT}")


async def _log_in(plan: Plan) -> tuple[Addresses, tuple[Login, ...]]:
    """The addresses, and the logins that are not the owner's."""
    app, maintenance = logins(_login_name(plan.owner_url), plan.app_password or "", plan.maintenance_password or "")
    app_url, app_user = _login(plan, plan.app_url, app)
    maintenance_url, maintenance_user = _login(plan, plan.maintenance_url, maintenance)
    sealer_url, sealer_user = _login(
        plan, plan.sealer_url, sealer_login(_login_name(plan.owner_url), plan.sealer_password or "")
    )
    users = tuple(user for user in (app_user, maintenance_user, sealer_user) if user is not None)
    await prepare_cluster(plan.owner_url, users)
    addresses = Addresses(
        plan.owner_url,
        app_url,
        maintenance_url,
        plan.control_owner_url,
        with_login(plan.control_owner_url, *login_of(app_url)),
        own_roles=app_user is not None,
        sealer=plan.sealer_url or with_login(plan.control_owner_url, *login_of(sealer_url)),
    )
    return addresses, users


def _login(plan: Plan, given: str | None, ours: Login) -> tuple[str, Login | None]:
    """The address to connect with, and the role that needs rights; None where that is the owner."""
    if given is None and not ours.password:
        return plan.owner_url, None
    if given is None:
        return with_login(plan.owner_url, ours.role, ours.password or ""), ours
    role = login_of(given)[0]
    return given, None if role == login_of(plan.owner_url)[0] else Login(role, ours.member_of)


def _one_role(plan: Plan) -> Addresses:
    return Addresses(
        plan.owner_url,
        plan.app_url or plan.owner_url,
        plan.maintenance_url or plan.owner_url,
        plan.control_owner_url,
        plan.control_owner_url,
        own_roles=False,
        sealer=plan.sealer_url or plan.control_owner_url,
    )


def _login_name(owner_url: str) -> str:
    """Roles belong to the whole server, so a login carries its database's name."""
    name = database_name(owner_url).removeprefix("milepost_")
    return re.sub(r"[^a-z0-9_]", "_", name.lower())[:40]
