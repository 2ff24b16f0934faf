"""The start-up self test lets a guarded database pass and stops at every hole."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.db.tenants import TenantDatabase, open_database
from milepost.domain.errors import GuardsMissing
from milepost.engine.guards_check import check_guards
from milepost.kinds.executions import KIND
from tests.db_fixtures import OPTIONS, Urls
from tests.engine import lives


async def test_a_migrated_database_passes_for_both_roles_and_nothing_stays_behind(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    await lives.finished(database)

    for opened in (database, maintenance):
        guards = await check_guards(opened, [KIND])
        assert (guards.problems, guards.too_strong) == ((), ())

    assert await owner.fetchval("SELECT count(*) FROM audit_logs WHERE action = 'guards.checked'") == 0
    assert await owner.fetchval("SELECT count(*) FROM audit_logs") == 3


async def test_the_owners_login_passes_and_is_called_too_strong(urls: Urls, database: TenantDatabase) -> None:
    await lives.finished(database)
    opened = await open_database("default", urls.owner, OPTIONS)

    guards = await check_guards(opened, [KIND])
    await opened.close()

    assert guards.problems == ()
    assert [" is a superuser" in strong for strong in guards.too_strong] == [True]


HOLES = {
    "GRANT UPDATE ON audit_logs TO milepost_app; DROP TRIGGER prevent_audit_logs_modification ON audit_logs": (
        "audit_logs has no trigger prevent_audit_logs_modification", "UPDATE of audit_logs was not refused",
    ),
    "GRANT TRUNCATE ON audit_logs TO milepost_app;"
    " ALTER TABLE audit_logs DISABLE TRIGGER prevent_audit_logs_truncate": ("TRUNCATE of audit_logs was not refused",),
    "ALTER TABLE audit_logs ENABLE TRIGGER prevent_audit_logs_modification": (
        "trigger prevent_audit_logs_modification on audit_logs is not ENABLE ALWAYS",
    ),
    "ALTER TABLE executions DISABLE TRIGGER record_executions_update": (
        "trigger record_executions_update on executions is not ENABLE ALWAYS",
    ),
    "DROP TRIGGER prevent_status_transitions_executions_truncate ON status_transitions_executions;"
    " GRANT TRUNCATE ON status_transitions_executions TO milepost_app": (
        "status_transitions_executions has no trigger prevent_status_transitions_executions_truncate",
        "TRUNCATE of status_transitions_executions was not refused",
    ),
    "DELETE FROM legal_transitions WHERE to_status = 'FAILED'": (
        "legal_transitions lacks execution PENDING to FAILED (failed)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("hole", HOLES)
async def test_a_hole_stops_the_start(database: TenantDatabase, owner: Any, hole: str) -> None:
    await lives.finished(database)
    await owner.execute(hole)

    with pytest.raises(GuardsMissing) as raised:
        await check_guards(database, [KIND])

    for problem in HOLES[hole]:
        assert problem in str(raised.value)
    assert "milepost migrate" in str(raised.value.hint)


async def test_an_owner_that_is_no_superuser_is_called_too_strong(urls: Urls, owner: Any) -> None:
    await owner.execute(
        "DO $$ BEGIN CREATE ROLE plain_owner LOGIN PASSWORD 'x' IN ROLE milepost_owner;"
        " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    await owner.execute(f'GRANT CONNECT ON DATABASE "{urls.owner.rsplit("/", 1)[1]}" TO plain_owner')
    host = urls.owner.rsplit("@", 1)[1]
    opened = await open_database("default", f"postgresql://plain_owner:x@{host}", OPTIONS)

    guards = await check_guards(opened, [KIND])
    await opened.close()

    assert guards.problems == ()
    assert guards.too_strong[0].startswith("plain_owner owns ")


async def test_a_database_that_was_never_migrated_is_refused_with_a_hint(control_url: str) -> None:
    opened = await open_database("default", control_url, OPTIONS)
    try:
        with pytest.raises(GuardsMissing):
            await check_guards(opened, [KIND])
    finally:
        await opened.close()
