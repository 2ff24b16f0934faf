"""An installation is made out of an empty server, brought up to date by repeating it, and never by a stranger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from milepost.db.migrate import current, head
from milepost.db.roles import APP, MAINTENANCE
from milepost.db.tenants import DatabaseOptions, open_database
from milepost.db.urls import database_name, login_of, with_database, with_login
from milepost.domain.errors import ConfigurationError, Unavailable
from milepost.engine.guards_check import look_at_guards
from milepost.kinds import all_kinds
from milepost.tenancy import keys
from milepost.tenancy.first_start import Addresses, Plan, make_ready
from milepost.tenancy.prices import OFFLINE_MODEL
from milepost.tenancy.seed import copy_models, seed
from tests.db_fixtures import Urls, drop

MASTER = bytes(32)
numbers = count()


@pytest_asyncio.fixture
async def plan(template: str) -> AsyncIterator[Plan]:
    """Where nothing is yet, on a server that has the roles."""
    name = f"first_{next(numbers)}"
    yield Plan(
        owner_url=with_database(template, name),
        control_owner_url=with_database(template, f"{name}_control"),
        app_password="app's own",
        maintenance_password="maintenance's own",
    )
    for database in (name, f"{name}_control"):
        if await _exists(template, database):
            await drop(template, database)


async def _exists(owner_url: str, name: str) -> bool:
    return bool(await _ask(owner_url, "SELECT count(*) FROM pg_database WHERE datname = $1", name))


async def _ask(url: str, sql: str, *args: Any) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql, *args)
    finally:
        await connection.close()


async def test_both_databases_are_at_their_heads_and_models_are_there(plan: Plan):
    made = await make_ready(plan, MASTER)

    assert await current(made.owner) == head("tenant")
    assert await current(made.control_owner) == head("control")
    assert await _ask(made.app, "SELECT count(*) FROM llm_models WHERE is_active") > 10
    assert await _ask(made.control, "SELECT database_name FROM tenants") == database_name(plan.owner_url)
    assert (
        await _ask(made.maintenance, "SELECT current_user") == f"milepost_{database_name(plan.owner_url)}_maintenance"
    )


async def test_the_applications_login_owns_nothing_and_the_guards_stand(plan: Plan):
    made = await make_ready(plan, MASTER)

    database = await open_database("default", made.app, DatabaseOptions())
    guards = await look_at_guards(database, all_kinds())
    await database.close()

    assert guards.problems == ()
    assert guards.too_strong == ()


async def test_a_repetition_keeps_the_tenants_key_and_what_an_operator_set(plan: Plan):
    first = await make_ready(plan, MASTER)
    key = await _ask(first.control_owner, "SELECT key_wrapped FROM tenants")
    await _ask(
        first.control_owner,
        "UPDATE llm_models SET cost_per_1k_input_tokens = 42, is_active = false WHERE model_name = $1 RETURNING 1",
        "gpt-4o",
    )

    again = await make_ready(plan, MASTER)

    assert await _ask(again.control_owner, "SELECT key_wrapped FROM tenants") == key
    kept = "SELECT cost_per_1k_input_tokens = 42 AND NOT is_active FROM llm_models WHERE model_name = 'gpt-4o'"
    assert await _ask(again.control, kept)
    assert await _ask(again.app, kept)


async def test_a_tenants_logins_connect_to_its_own_databases_and_to_no_others(plan: Plan, urls: Urls):
    connection = await asyncpg.connect(plan.owner_url.rsplit("/", 1)[0] + "/postgres")
    await connection.execute(f'CREATE DATABASE "{database_name(plan.owner_url)}"')
    await connection.execute(f'GRANT CONNECT ON DATABASE "{database_name(plan.owner_url)}" TO {APP}, {MAINTENANCE}')
    await connection.close()
    made = await make_ready(plan, MASTER)

    for url in (made.app, made.maintenance, made.control):
        assert await _ask(url, "SELECT 1") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _ask(with_database(url, database_name(urls.owner)), "SELECT 1")
    for url in (urls.app, urls.maintenance):
        for theirs in (made.owner, made.control_owner):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await _ask(with_database(url, database_name(theirs)), "SELECT 1")


async def test_another_master_key_is_refused_before_anything_is_touched(plan: Plan):
    made = await make_ready(plan, MASTER)
    stranger = Plan(plan.owner_url, plan.control_owner_url, "stolen", "stolen too")

    with pytest.raises(ConfigurationError, match="does not open with this master key"):
        await make_ready(stranger, keys.new_key())

    assert await _ask(made.app, "SELECT 1") == 1, "the old password still works"


class Maker:
    """Knows the key that it made."""

    def __init__(self) -> None:
        self.made: list[bytes] = []

    def known(self) -> bytes | None:
        return self.made[0] if self.made else None

    def make(self) -> bytes:
        self.made.append(keys.new_key())
        return self.made[-1]


async def test_a_master_key_is_made_where_the_database_was_made_with_none(plan: Plan):
    first, second = Maker(), Maker()

    await make_ready(plan, first)
    await make_ready(plan, first.made[0])

    with pytest.raises(ConfigurationError, match="a master key that is not here") as refused:
        await make_ready(plan, second)
    assert (len(first.made), second.made) == (1, [])
    assert "MILEPOST_MASTER_KEY" in str(refused.value.hint)


async def test_no_master_key_is_made_for_a_database_that_cannot_be_reached_or_prepared(plan: Plan):
    make = Maker()

    user, _ = login_of(plan.owner_url)
    with pytest.raises(Unavailable):
        await make_ready(Plan("postgresql://o:p@127.0.0.1:9/x", "postgresql://o:p@127.0.0.1:9/y"), make)
    with pytest.raises(ConfigurationError):
        await make_ready(Plan(with_login(plan.owner_url, user, "not-this"), plan.control_owner_url), make)
    assert make.made == []


async def test_the_model_that_asks_nobody_is_for_development(plan: Plan):
    made = await make_ready(plan, MASTER)
    active = "SELECT is_active FROM llm_models WHERE model_name = $1"
    assert await _ask(made.app, active, OFFLINE_MODEL)

    await seed(made.control_owner, development=False)
    await copy_models(made.control_owner, made.owner)

    assert not await _ask(made.app, active, OFFLINE_MODEL)


async def test_a_model_that_is_gone_leaves_the_copy_too(plan: Plan):
    made = await make_ready(plan, MASTER)
    await _ask(made.control_owner, "DELETE FROM llm_models WHERE model_name = 'gpt-4o' RETURNING 1")

    await copy_models(made.control_owner, made.owner)

    assert not await _ask(made.app, "SELECT count(*) FROM llm_models WHERE model_name = 'gpt-4o'")


async def test_a_login_that_somebody_else_made_gets_the_rights_and_keeps_its_password(plan: Plan, template: str):
    await _ask(template, "SELECT 1 FROM pg_roles")
    connection = await asyncpg.connect(template)
    await connection.execute("CREATE ROLE their_own LOGIN PASSWORD 'theirs'")
    await connection.close()
    given = with_login(plan.owner_url, "their_own", "theirs")

    made = await make_ready(Plan(plan.owner_url, plan.control_owner_url, app_url=given), MASTER)

    assert made.app == given
    assert made.maintenance == plan.owner_url
    assert await _ask(made.app, "SELECT count(*) FROM executions") == 0
    await _drop_role(template, plan, "their_own")


@pytest.mark.parametrize("rights", ["CREATEDB", "CREATEDB CREATEROLE"])
async def test_a_host_with_one_weak_login_is_enough(plan: Plan, template: str, rights: str):
    connection = await asyncpg.connect(template)
    await connection.execute(f"CREATE ROLE weak LOGIN PASSWORD 'weak' {rights}")
    await connection.execute(f'CREATE DATABASE "{database_name(plan.owner_url)}" OWNER weak')
    await connection.close()
    weak = Plan(
        with_login(plan.owner_url, "weak", "weak"), with_login(plan.control_owner_url, "weak", "weak"), "app", "mnt"
    )

    made = await make_ready(weak, MASTER)

    assert not made.own_roles
    assert login_of(made.app) == ("weak", "weak")
    assert await _guards(made) == ()
    await drop(template, database_name(plan.owner_url))
    await drop(template, database_name(plan.control_owner_url))
    await _drop_role(template, plan, "weak")


async def _guards(made: Addresses) -> tuple[str, ...]:
    database = await open_database("default", made.app, DatabaseOptions())
    try:
        return (await look_at_guards(database, all_kinds())).problems
    finally:
        await database.close()


async def _drop_role(owner_url: str, plan: Plan, role: str) -> None:
    for url in (plan.owner_url, owner_url):
        if await _exists(owner_url, database_name(url)):
            connection = await asyncpg.connect(url)
            await connection.execute(f"DROP OWNED BY {role}")
            await connection.close()
    connection = await asyncpg.connect(owner_url)
    await connection.execute(f"DROP ROLE {role}")
    await connection.close()


async def test_a_server_that_is_away_is_said_to_be():
    nowhere = Plan("postgresql://o:p@127.0.0.1:9/x", "postgresql://o:p@127.0.0.1:9/y")

    with pytest.raises(Unavailable):
        await make_ready(nowhere, MASTER)


async def test_a_wrong_password_is_told_without_showing_it(plan: Plan):
    user, _ = login_of(plan.owner_url)
    wrong = Plan(with_login(plan.owner_url, user, "not-this"), plan.control_owner_url)

    with pytest.raises(ConfigurationError, match="refuses the owner's login") as refused:
        await make_ready(wrong, MASTER)

    assert "not-this" not in str(refused.value)
