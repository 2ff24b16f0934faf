"""Databases for tests: a template migrated once a session, cloned for every test that asks for one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from milepost.db.connections import Patience
from milepost.db.migrate import upgrade
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.db.urls import with_database
from milepost.tenancy.install import ensure_database, logins, prepare_cluster

PASSWORDS = ("app-password", "maintenance-password")
APP_LOGIN, MAINTENANCE_LOGIN = (login.role for login in logins("default", *PASSWORDS))
numbers = count()


@dataclass(frozen=True)
class Urls:
    """One database as three people see it."""

    owner: str
    app: str
    maintenance: str


@pytest.fixture(scope="session")
def template(postgres: Any) -> str:
    """A server whose database `template_tenant` and `template_control` are migrated. Answers the owner's URL."""

    async def make() -> None:
        await prepare_cluster(postgres.owner_url, logins("default", *PASSWORDS))
        await upgrade(await ensure_database(postgres.owner_url, "template_tenant"), "tenant")
        await upgrade(await ensure_database(postgres.owner_url, "template_control"), "control")

    asyncio.run(make())
    return postgres.owner_url


async def clone(owner_url: str, template_name: str) -> str:
    name = f"{template_name.removeprefix('template_')}_{next(numbers)}"
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template_name}"')
        await connection.execute(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC')
        await connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO {APP_LOGIN}, {MAINTENANCE_LOGIN}')
        await connection.execute(f'ALTER DATABASE "{name}" SET plan_cache_mode = force_custom_plan')
    finally:
        await connection.close()
    return name


async def drop(owner_url: str, name: str) -> None:
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    finally:
        await connection.close()


async def drop_installation(owner_url: str, name: str) -> None:
    """A tenant's database and the control database beside it, whichever are there."""
    connection = await asyncpg.connect(owner_url)
    there = await connection.fetch("SELECT datname FROM pg_database WHERE datname = ANY($1)", [name, f"{name}_control"])
    await connection.close()
    for row in there:
        await drop(owner_url, row[0])


def as_login(owner_url: str, role: str, password: str) -> str:
    host = owner_url.rsplit("@", 1)[1]
    return f"postgresql://{role}:{password}@{host}"


@pytest_asyncio.fixture
async def urls(template: str) -> AsyncIterator[Urls]:
    """A fresh tenant database."""
    name = await clone(template, "template_tenant")
    owner = with_database(template, name)
    yield Urls(owner, as_login(owner, APP_LOGIN, PASSWORDS[0]), as_login(owner, MAINTENANCE_LOGIN, PASSWORDS[1]))
    await drop(template, name)


@pytest_asyncio.fixture
async def control_url(template: str) -> AsyncIterator[str]:
    """A fresh control database, as its owner."""
    name = await clone(template, "template_control")
    yield with_database(template, name)
    await drop(template, name)


OPTIONS = DatabaseOptions(patience=Patience(whole=10.0, one_try=5.0))


@pytest_asyncio.fixture
async def database(urls: Urls) -> AsyncIterator[TenantDatabase]:
    """A tenant's database as API and workers use it."""
    opened = await open_database("default", urls.app, OPTIONS)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def owner(urls: Urls) -> AsyncIterator[Any]:
    """The owner at a prompt."""
    connection = await asyncpg.connect(urls.owner)
    yield connection
    await connection.close()
