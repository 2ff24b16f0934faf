"""What somebody at a prompt can and cannot do, as the application, as the owner and as a superuser in replica mode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from milepost.db.tenants import TenantDatabase
from milepost.kinds.executions.table import MACHINE
from tests.db_fixtures import Urls
from tests.factories import TABLE, new_execution

STATUSES = tuple(MACHINE.phases)
CHANGES = [(start, end) for start, end in product(STATUSES, STATUSES) if start != end]
WAYS = {
    "PENDING": (),
    "RUNNING": ("RUNNING",),
    "COMPLETED": ("RUNNING", "COMPLETED"),
    "FAILED": ("FAILED",),
    "CANCELLED": ("CANCELLED",),
}


@pytest.fixture
async def app(urls: Urls) -> AsyncIterator[Any]:
    """The application's login at a prompt."""
    connection = await asyncpg.connect(urls.app)
    yield connection
    await connection.close()


@pytest.fixture(params=["application", "owner", "superuser in replica mode"])
async def somebody(request: pytest.FixtureRequest, app: Any, owner: Any) -> Any:
    if request.param == "application":
        return app
    if request.param == "superuser in replica mode":
        await owner.execute("SET session_replication_role = replica")
    else:
        await owner.execute("SET ROLE milepost_owner")
    return owner


def code(refused: Any) -> str:
    """The SQLSTATE of what was raised."""
    return refused.value.sqlstate


async def job_in(connection: Any, database: TenantDatabase, status: str) -> Any:
    job_id = (await database.ledger.submit(TABLE, new_execution())).job.id
    for step in WAYS[status]:
        await move(connection, job_id, step)
    return job_id


async def move(connection: Any, job_id: Any, status: str, step: int = 1) -> None:
    ended = MACHINE.terminal(status)
    await connection.execute(
        "UPDATE executions SET status = $2, version = version + $3,"
        " finished_at = CASE WHEN $4 THEN now() END WHERE id = $1",
        job_id, status, step, ended,
    )  # fmt: skip


@pytest.mark.parametrize(("start", "end"), CHANGES)
async def test_the_database_lets_exactly_the_legal_edges_pass(
    database: TenantDatabase, app: Any, start: str, end: str
) -> None:
    job_id = await job_in(app, database, start)

    if (start, end) in MACHINE.pairs():
        await move(app, job_id, end)
        assert await app.fetchval("SELECT status FROM executions WHERE id = $1", job_id) == end
    else:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await move(app, job_id, end)
        assert code(refused) == "MP001"


async def test_no_replica_mode_and_no_owner_takes_an_illegal_edge(database: TenantDatabase, somebody: Any) -> None:
    job_id = (await database.ledger.submit(TABLE, new_execution())).job.id

    with pytest.raises(asyncpg.PostgresError) as refused:
        await move(somebody, job_id, "COMPLETED")
    assert code(refused) == "MP001"


@pytest.mark.parametrize(
    ("change", "sqlstate"),
    [
        ("status = 'FAILED', finished_at = now(), version = version + 2", "MP002"),
        ("status = 'FAILED', finished_at = now()", "MP002"),
        ("status = 'FAILED', finished_at = now(), version = version - 1", "MP002"),
        ("version = version + 1", "MP002"),
        ("version = version - 1", "MP002"),
        ("id = gen_random_uuid()", "MP003"),
        ("progress = 10", "MP004"),
        ("status = 'DONE', version = version + 1", "23514"),
    ],
)
async def test_a_forged_column_is_refused(
    database: TenantDatabase, somebody: Any, owner: Any, change: str, sqlstate: str
) -> None:
    job_id = await job_in(owner, database, "RUNNING")
    await owner.execute("UPDATE executions SET progress = 40 WHERE id = $1", job_id)

    with pytest.raises(asyncpg.PostgresError) as refused:
        await somebody.execute(f"UPDATE executions SET {change} WHERE id = $1", job_id)
    assert code(refused) == sqlstate


@pytest.mark.parametrize("columns", ["status = 'RUNNING'", "version = 2", "status = 'COMPLETED', finished_at = now()"])
async def test_a_new_job_begins_at_the_beginning(app: Any, columns: str) -> None:
    names, values = zip(*(part.split(" = ") for part in columns.split(", ")), strict=True)

    with pytest.raises(asyncpg.PostgresError) as refused:
        await app.execute(
            f"INSERT INTO executions (id, prompt, job_name, deadline_at, {', '.join(names)})"
            f" VALUES ($1, 'x', 'exec-x', now(), {', '.join(values)})",
            uuid7(),
        )
    assert code(refused) == "MP001"


APPEND_ONLY = [
    "UPDATE audit_logs SET action = 'x'",
    "DELETE FROM audit_logs",
    "TRUNCATE audit_logs",
    "UPDATE status_transitions SET actor = 'x'",
    "TRUNCATE status_transitions",
    "UPDATE status_transitions_executions SET actor = 'x'",
    "TRUNCATE status_transitions_executions",
    "TRUNCATE executions CASCADE",
]


@pytest.mark.parametrize("sql", APPEND_ONLY)
async def test_what_was_written_stays_as_it_was(
    database: TenantDatabase, somebody: Any, owner: Any, urls: Urls, sql: str
) -> None:
    await job_in(owner, database, "COMPLETED")
    before = await everything(owner)

    with pytest.raises(asyncpg.PostgresError) as refused:
        await somebody.execute(sql)

    assert code(refused) in {"MP005", "42501"}
    assert await everything(owner) == before


async def test_the_refusal_says_what_the_source_asked_for(database: TenantDatabase, owner: Any) -> None:
    await job_in(owner, database, "PENDING")

    with pytest.raises(asyncpg.PostgresError, match="audit_logs table does not allow UPDATE or DELETE"):
        await owner.execute("DELETE FROM audit_logs")


async def everything(owner: Any) -> list[Any]:
    return [
        await owner.fetch(f"SELECT * FROM {table} ORDER BY 1")
        for table in ("audit_logs", "status_transitions", "executions")
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM status_transitions",
        "DELETE FROM status_transitions_executions",
        (
            "INSERT INTO status_transitions (job_kind, job_id, version, to_status, actor)"
            " SELECT 'execution', id, 9, 'FAILED', 'x' FROM executions"
        ),
        (
            "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, created_at)"
            " VALUES ('x', 'x', 'x', 'x', now() - interval '1 day')"
        ),
        (
            "INSERT INTO audit_logs (id, user_id, action, resource_type, resource_id)"
            " OVERRIDING SYSTEM VALUE VALUES (1, 'x', 'x', 'x', 'x')"
        ),
        "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, xid) VALUES ('x', 'x', 'x', 'x', '3')",
        "DELETE FROM executions",
        "UPDATE legal_transitions SET to_status = 'COMPLETED'",
        "INSERT INTO legal_transitions VALUES ('execution', 'PENDING', 'COMPLETED', 'succeeded')",
        "ALTER TABLE audit_logs DISABLE TRIGGER ALL",
        "DROP TRIGGER guard_executions ON executions",
        "SET session_replication_role = replica",
        "CREATE FUNCTION record() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "INSERT INTO leaders VALUES ('maintenance', 'me', 1, now())",
    ],
)
async def test_the_application_lacks_the_right(database: TenantDatabase, app: Any, owner: Any, sql: str) -> None:
    await job_in(owner, database, "PENDING")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute(sql)


async def test_a_change_at_a_prompt_is_recorded_with_the_login_as_actor(
    database: TenantDatabase, app: Any, owner: Any
) -> None:
    job_id = await job_in(app, database, "RUNNING")

    login = await app.fetchval("SELECT session_user")
    step = await owner.fetchrow("SELECT * FROM status_transitions WHERE job_id = $1 AND version = 2", job_id)
    told = await owner.fetchrow("SELECT * FROM audit_logs WHERE resource_id = $1 AND version = 2", str(job_id))
    assert (step["actor"], step["reason"], told["actor"]) == (f"db:{login}", None, f"db:{login}")
    assert told["action"] == "execution.running"
    assert login in told["details"]


async def test_a_change_in_replica_mode_is_recorded_too(database: TenantDatabase, owner: Any) -> None:
    job_id = (await database.ledger.submit(TABLE, new_execution())).job.id
    await owner.execute("SET session_replication_role = replica")

    await move(owner, job_id, "RUNNING")

    assert await owner.fetchval("SELECT count(*) FROM status_transitions WHERE job_id = $1", job_id) == 2
    assert await owner.fetchval("SELECT count(*) FROM audit_logs WHERE resource_id = $1", str(job_id)) == 2


async def test_an_orphan_transition_and_an_orphan_artifact_are_refused(owner: Any) -> None:
    for sql in (
        "INSERT INTO status_transitions (job_kind, job_id, version, to_status, actor) VALUES ('execution', $1, 1, 'X', 'x')",
        (
            "INSERT INTO artifacts (job_kind, job_id, file_name, file_path, file_size, status)"
            " VALUES ('execution', $1, 'x', 'x', 1, 'UPLOADING')"
        ),
    ):
        with pytest.raises(asyncpg.ForeignKeyViolationError):
            await owner.execute(sql, uuid7())


async def test_deleting_a_job_removes_history_and_artifacts_and_no_audit_row(
    database: TenantDatabase, owner: Any
) -> None:
    job_id = await job_in(owner, database, "COMPLETED")

    await owner.execute("DELETE FROM executions WHERE id = $1", job_id)

    assert await owner.fetchval("SELECT count(*) FROM status_transitions") == 0
    actions = [row[0] for row in await owner.fetch("SELECT action FROM audit_logs ORDER BY id")]
    assert actions == ["execution.created", "execution.running", "execution.completed", "execution.deleted"]


async def test_updated_at_moves_with_an_update_at_a_prompt(database: TenantDatabase, app: Any) -> None:
    job_id = (await database.ledger.submit(TABLE, new_execution())).job.id
    before = await app.fetchval("SELECT updated_at FROM executions WHERE id = $1", job_id)

    await app.execute("UPDATE executions SET stage = 'x' WHERE id = $1", job_id)

    assert await app.fetchval("SELECT updated_at FROM executions WHERE id = $1", job_id) > before


ARTIFACTS = ("UPLOADING", "ACTIVE", "ARCHIVED", "DELETED")
ARTIFACT_EDGES = {
    ("UPLOADING", "ACTIVE"), ("UPLOADING", "DELETED"), ("ACTIVE", "ARCHIVED"), ("ACTIVE", "DELETED"),
    ("ARCHIVED", "DELETED"),
}  # fmt: skip


@pytest.mark.parametrize(("start", "end"), [(a, b) for a, b in product(ARTIFACTS, ARTIFACTS) if a != b])
async def test_an_artifact_takes_only_its_edges(database: TenantDatabase, owner: Any, start: str, end: str) -> None:
    job_id = await job_in(owner, database, "PENDING")
    number = await owner.fetchval(
        "INSERT INTO artifacts (job_kind, job_id, file_name, file_path, file_size, status, checksum)"
        " VALUES ('execution', $1, 'x', 'x', 1, $2, repeat('0', 64)) RETURNING id",
        job_id, start,
    )  # fmt: skip
    change = owner.execute("UPDATE artifacts SET status = $2 WHERE id = $1", number, end)

    if (start, end) in ARTIFACT_EDGES:
        assert await change == "UPDATE 1"
    else:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await change
        assert code(refused) == "MP001"
