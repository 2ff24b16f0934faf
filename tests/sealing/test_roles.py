"""Who may do what with copies and seals: append as the sealer, read as the application, change as nobody."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from milepost.db.tenants import open_database
from milepost.db.urls import database_name
from milepost.domain.errors import ConfigurationError
from milepost.engine.audit.check import Seen, check_audit
from milepost.engine.guards_check import missing_audit_guards
from milepost.engine.seal import Sealer
from tests.db_fixtures import APP_LOGIN, OPTIONS, PASSWORDS, Urls, as_login
from tests.sealing.conftest import INSTALLATION, Scene

SEAL = """INSERT INTO audit_seals (log_id, seal_no, epoch, after_id, xid_from, xid_to, first_leaf, leaf_count,
leaf_hashes, tree_size, root, frontier, key_id, checkpoint)
VALUES ('x', 1, 1, 0, '0', '1', 0, 1, sha256('x'), 1, sha256('x'), sha256('x'), 'x', 'x')"""
ROW = (
    "INSERT INTO audit_logs (tenant_id, user_id, action, resource_type, resource_id) VALUES ('x', 'x', 'x.x', 'x', 'x')"
)
CHANGES = [
    "UPDATE audit_seals SET checkpoint = 'x'", "DELETE FROM audit_seals", "TRUNCATE audit_seals",
    "UPDATE audit_logs SET action = 'x'", "DELETE FROM audit_logs", "TRUNCATE audit_logs",
]  # fmt: skip


@pytest.fixture
async def sealed(scene: Scene) -> Scene:
    await scene.live()
    await scene.seal()
    return scene


async def refused(connection: Any, sql: str) -> str | None:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(sql)
    except asyncpg.PostgresError as error:
        return error.sqlstate
    finally:
        await transaction.rollback()
    return None


async def test_the_sealer_appends_and_changes_nothing(sealed: Scene) -> None:
    await sealed.keeper.execute("SET ROLE milepost_sealer")

    assert [await refused(sealed.keeper, sql) for sql in (SEAL, ROW)] == [None, None]
    assert {await refused(sealed.keeper, sql) for sql in CHANGES} == {"42501"}


@pytest.mark.parametrize("role", ["milepost_app", "milepost_maintenance"])
async def test_others_may_read_seals_and_nothing_else(sealed: Scene, role: str) -> None:
    await sealed.keeper.execute(f"SET ROLE {role}")

    assert await sealed.keeper.fetchval("SELECT count(*) FROM audit_seals") == 1
    assert await refused(sealed.keeper, "SELECT FROM audit_logs") == "42501"
    assert {await refused(sealed.keeper, sql) for sql in (SEAL, ROW, *CHANGES)} == {"42501"}


@pytest.mark.parametrize("mode", ["origin", "replica"])
async def test_triggers_refuse_the_owner_too(sealed: Scene, mode: str) -> None:
    await sealed.keeper.execute(f"SET session_replication_role = {mode}")

    assert {await refused(sealed.keeper, sql) for sql in CHANGES} == {"MP005"}


async def test_a_login_that_may_not_seal_is_told_which_one_may(scene: Scene, control_url: str) -> None:
    app = await open_database("control", as_login(control_url, APP_LOGIN, PASSWORDS[0]), OPTIONS)
    await scene.live()

    with pytest.raises(ConfigurationError, match="may not add seals"):
        await Sealer(app, scene.key, scene.anchors, installation=INSTALLATION).seal(scene.log)
    await app.close()


async def test_one_role_for_everything_works(sealed: Scene) -> None:
    """A host that allows a single login: the sealer is the owner, and the triggers still stand."""
    assert await sealed.seal() == 0
    await sealed.live()
    assert await sealed.seal() == 3
    assert await missing_audit_guards(sealed.control) == []


async def test_a_guard_that_is_gone_is_named(sealed: Scene) -> None:
    await sealed.keeper.execute("DROP TRIGGER prevent_audit_seals_truncate ON audit_seals")
    await sealed.keeper.execute("ALTER TABLE audit_logs ENABLE TRIGGER prevent_audit_logs_modification")

    assert await missing_audit_guards(sealed.control) == [
        "trigger prevent_audit_logs_modification on audit_logs is not ENABLE ALWAYS",
        "audit_seals has no trigger prevent_audit_seals_truncate",
    ]


async def test_a_check_needs_to_read_and_nothing_else(sealed: Scene, urls: Urls, control_url: str) -> None:
    role = "milepost_auditor_for_a_test"
    await sealed.keeper.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'auditor' IN ROLE milepost_reader")
    for connection, url in ((sealed.keeper, control_url), (sealed.owner, urls.owner)):
        await connection.execute(f'GRANT CONNECT ON DATABASE "{database_name(url)}" TO {role}')
    tenant = await open_database("default", as_login(urls.owner, role, "auditor"), OPTIONS)
    control = await open_database("control", as_login(control_url, role, "auditor"), OPTIONS)

    report = await check_audit(
        control, [Seen("default", tenant)], sealed.keys, sealed.anchors, installation=INSTALLATION
    )

    assert (report.wrong, report.logs[0].rows) == ([], 3)
    for opened in (tenant, control):
        await opened.pool.close()
    for connection in (sealed.keeper, sealed.owner):
        await connection.execute(f"DROP OWNED BY {role}")
    await sealed.keeper.execute(f"DROP ROLE {role}")
