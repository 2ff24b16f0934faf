"""Both histories go up, down to nothing and up again; each has one head; the schema is what the models say."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, MetaData
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from milepost.db import guards, migrate, roles
from milepost.db.connecting import connect
from milepost.db.drafts import kind_migration, tables_sql
from milepost.db.locations import History
from milepost.db.tables import Xid8
from milepost.kinds import all_kinds, tenant_metadata
from milepost.tenancy.install import ensure_database
from milepost.tenancy.tables import ControlBase

HISTORIES: tuple[History, ...] = ("control", "tenant")
MODELS: dict[History, MetaData] = {"control": ControlBase.metadata, "tenant": tenant_metadata()}
numbers = count()
# of every kind's table, which later migrations brought to those that were there
LATER_COLUMNS = ("expected_at", "promised_at")

OBJECTS = """
SELECT 'table ' || c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v')
UNION ALL
SELECT 'function ' || p.proname FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger ' || t.tgname || ' ' || t.tgenabled::text || ' on ' || t.tgrelid::regclass::text
FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT 'constraint ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'grant ' || grantee || ' ' || privilege_type || ' ' || table_name || coalesce('.' || column_name, '')
FROM information_schema.column_privileges WHERE table_schema = 'public'
ORDER BY 1"""


@pytest.fixture
async def empty(template: str) -> AsyncIterator[str]:
    """An empty, prepared database, as its owner."""
    name = f"empty_{next(numbers)}"
    yield await ensure_database(template, name)
    connection = await asyncpg.connect(template)
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


async def objects(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(OBJECTS)]
    finally:
        await connection.close()


@pytest.mark.parametrize("name", HISTORIES)
async def test_up_down_to_nothing_and_up_again(empty: str, name: History) -> None:
    await migrate.upgrade(empty, name)
    first = await objects(empty)
    assert await migrate.current(empty) == migrate.head(name)

    await migrate.downgrade(empty, name, "base")
    left = [found for found in await objects(empty) if "alembic_version" not in found]
    assert (left, await migrate.current(empty)) == ([], None)

    await migrate.upgrade(empty, name)
    assert await objects(empty) == first


@pytest.mark.parametrize("name", HISTORIES)
async def test_every_revision_goes_down_and_up_by_itself(empty: str, name: History) -> None:
    revisions = [script.revision for script in ScriptDirectory.from_config(migrate.config(name)).walk_revisions()]
    for revision in reversed(revisions):
        await migrate.upgrade(empty, name, revision)
        there = await objects(empty)
        await migrate.downgrade(empty, name, "-1")
        await migrate.upgrade(empty, name, revision)
        assert await objects(empty) == there


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_has_one_head(name: History) -> None:
    assert len(ScriptDirectory.from_config(migrate.config(name)).get_heads()) == 1


async def test_a_revision_goes_down_and_up_with_rows_in_it(empty: str) -> None:
    await migrate.upgrade(empty, "tenant")
    connection = await asyncpg.connect(empty)
    await connection.execute("INSERT INTO executions (prompt, job_name, deadline_at) VALUES ('x', 'exec-x', now())")

    await migrate.downgrade(empty, "tenant", "0001")
    assert await connection.fetchval("SELECT count(*) FROM audit_logs") == 1
    await migrate.upgrade(empty, "tenant")

    assert await connection.fetchval("SELECT count(*) FROM executions") == 0
    await connection.close()


@pytest.fixture
async def migrated(request: pytest.FixtureRequest, urls: Any, control_url: str) -> str:
    return control_url if request.param == "control" else urls.owner


async def asked(url: str, question: Any) -> Any:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: connect(url), poolclass=NullPool)
    async with engine.connect() as connection:
        answer = await connection.run_sync(question)
    await engine.dispose()
    return answer


@pytest.mark.parametrize(("migrated", "name"), [(name, name) for name in HISTORIES], indirect=["migrated"])
async def test_models_and_schema_agree(migrated: str, name: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ischema_names, "xid8", Xid8)
    partitions = await partition_names(migrated)

    def differences(connection: Connection) -> Any:
        def wanted(_: Any, found: str | None, kind: str, reflected: Any, __: Any) -> bool:
            return not (kind == "table" and reflected and found in {*partitions, "alembic_version"})

        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True, "include_object": wanted}
        )
        return compare_metadata(context, MODELS[name])

    assert await asked(migrated, differences) == []


async def partition_names(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT relname FROM pg_class WHERE relispartition")
    await connection.close()
    return {row[0] for row in rows}


SHAPE = """
SELECT 'column ' || a.attrelid::regclass || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || ' ' || a.attidentity::text || a.attgenerated::text
       || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'
UNION ALL
SELECT 'constraint ' || k.conrelid::regclass || ' ' || k.conname || ' ' || pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND c.relname <> 'alembic_version'
UNION ALL
SELECT 'index ' || pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition AND c.relname <> 'alembic_version'
UNION ALL
SELECT 'options ' || relname || array_to_string(reloptions, ', ') FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL
ORDER BY 1"""


@pytest.mark.parametrize(("migrated", "name"), [(name, name) for name in HISTORIES], indirect=["migrated"])
async def test_the_models_alone_make_the_same_columns_constraints_and_indexes(
    migrated: str, empty: str, name: History
) -> None:
    shapes = []
    for url in (migrated, empty):
        connection = await asyncpg.connect(url)
        if url == empty:
            await connection.execute(tables_sql(MODELS[name].sorted_tables))
        shapes.append([row[0] for row in await connection.fetch(SHAPE)])
        await connection.close()

    assert len(shapes[0]) > 50
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(("migrated", "name"), [(name, name) for name in HISTORIES], indirect=["migrated"])
async def test_models_and_schema_agree_on_every_check(migrated: str, name: History) -> None:
    connection = await asyncpg.connect(migrated)
    rows = await connection.fetch(
        "SELECT c.relname, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
        " WHERE k.contype = 'c' AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace"
    )
    await connection.close()

    models = {
        (table.name, str(check.name))
        for table in MODELS[name].tables.values()
        for check in table.constraints
        if isinstance(check, CheckConstraint)
    }
    assert {tuple(row) for row in rows} == models


def without_indexes(script: str) -> str:
    return re.sub(r"CREATE (UNIQUE )?INDEX [^;]*;", "", script)


def without_later_columns(script: str) -> str:
    return re.sub(rf"\n +({'|'.join(LATER_COLUMNS)}) [^\n]*,(?=\n)", "", script)


def test_the_migration_of_a_kind_holds_what_the_machine_makes_today() -> None:
    found = {
        script.revision: script for script in ScriptDirectory.from_config(migrate.config("tenant")).walk_revisions()
    }
    for kind in all_kinds():
        revision = next(script for script in found.values() if f"CREATE TABLE {kind.table.name} (" in script.module.UP)
        draft = kind_migration(
            kind.table.table,
            kind.machine,
            revision=revision.revision,
            down_revision=revision.down_revision,  # type: ignore[arg-type]
            more=kind.tables,
        )
        made: dict[str, Any] = {}
        exec(draft, made)
        # what somebody added to the draft comes after it, and goes before it; indexes and columns change later, and are
        # compared above
        drafted = without_later_columns(without_indexes(made["UP"]))
        assert words(without_indexes(revision.module.UP)).startswith(words(drafted))
        assert words(revision.module.DOWN).endswith(words(made["DOWN"]))


def test_the_first_migration_holds_the_guards_of_today() -> None:
    first = next(
        script
        for script in ScriptDirectory.from_config(migrate.config("tenant")).walk_revisions()
        if not script.down_revision
    )
    held = words(first.module.UP)
    for part in (guards.UPDATED_AT, guards.APPEND_ONLY, guards.GUARD, guards.append_only("audit_logs")):
        assert words(part) in held


def words(sql: str) -> str:
    return " ".join(sql.split())


async def test_legal_transitions_are_the_machines_edges(owner: Any) -> None:
    rows = await owner.fetch("SELECT * FROM legal_transitions")

    assert {tuple(row) for row in rows} == {
        (kind.name, start, end, kind.machine.phase(end).value)
        for kind in all_kinds()
        for start, end in kind.machine.pairs()
    }


async def test_nothing_depends_on_an_extension_and_no_status_is_an_enum(owner: Any) -> None:
    assert [row[0] for row in await owner.fetch("SELECT extname FROM pg_extension")] == ["plpgsql"]
    assert await owner.fetchval("SELECT count(*) FROM pg_type WHERE typtype = 'e'") == 0


async def test_every_object_belongs_to_the_owner_role(urls: Any, control_url: str) -> None:
    for url in (urls.owner, control_url):
        connection = await asyncpg.connect(url)
        owners = await connection.fetch(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " UNION SELECT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        )
        await connection.close()
        assert [row[0] for row in owners] == [roles.OWNER]


async def test_recorders_run_as_their_owner_with_a_fixed_search_path(owner: Any) -> None:
    rows = await owner.fetch(
        "SELECT proname, prosecdef, proconfig FROM pg_proc "
        "WHERE proname LIKE 'record_%' AND pronamespace = 'public'::regnamespace"
    )

    assert len(rows) == 3 * len(all_kinds())
    for row in rows:
        assert row["prosecdef"]
        assert any(setting.startswith("search_path=") for setting in row["proconfig"])


FORBIDDEN = ("body", "html", "dom", "screenshot", "image", "content")


@pytest.mark.parametrize("migrated", HISTORIES, indirect=True)
async def test_no_audit_table_has_a_column_for_content(migrated: str) -> None:
    connection = await asyncpg.connect(migrated)
    rows = await connection.fetch(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name LIKE '%audit_logs'"
    )
    await connection.close()

    assert rows
    for row in rows:
        name = row["column_name"]
        assert row["data_type"] != "bytea"
        assert name in {"content_hash", "content_type"} or not any(part in name for part in FORBIDDEN)


async def test_migrating_waits_three_seconds_for_a_lock_and_no_longer(empty: str) -> None:
    await migrate.upgrade(empty, "tenant", "0001")
    holder = await asyncpg.connect(empty)
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("LOCK TABLE status_transitions IN ACCESS SHARE MODE; LOCK TABLE legal_transitions")

    with pytest.raises(Exception, match="lock timeout"):
        await migrate.upgrade(empty, "tenant")

    await transaction.rollback()
    await holder.close()
    assert await migrate.current(empty) == "0001"
