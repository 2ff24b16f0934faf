"""Verify finds what was tampered with, and names it; a system that was only used is clean."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.db.tenants import TenantDatabase
from milepost.domain.job import Job
from milepost.engine.cancel import cancel
from milepost.engine.overdue import overdue
from milepost.engine.prune import prune_jobs
from milepost.engine.rescue import rescue
from milepost.engine.retry import retry
from milepost.engine.verify import Report, verify
from milepost.kinds import all_kinds
from milepost.kinds.executions import KIND
from milepost.storage import local_store
from tests.engine import lives
from tests.factories import Bells

GUARDS = "executions", "status_transitions_executions", "audit_logs"


async def disarmed(owner: Any, sql: str, *args: Any) -> None:
    """What a superuser who switches every trigger off could do, and switches them on again."""
    async with owner.transaction():
        for table in GUARDS:
            await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await owner.execute(sql, *args)
        for table in GUARDS:
            names = await owner.fetch(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = $1::regclass AND NOT tgisinternal", table
            )
            for row in names:
                await owner.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {row[0]}")


async def found(database: TenantDatabase, job: Job) -> list[tuple[int | None, str]]:
    report = await verify(database, [KIND])
    assert not report.clean
    assert {(wrong.kind, wrong.job_id) for wrong in report.wrong} == {("execution", str(job.id))}
    return [(wrong.version, wrong.what) for wrong in report.wrong]


async def test_a_system_that_was_used_in_every_way_is_clean(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, tmp_path: Any
) -> None:
    await lives.waiting(database)
    await lives.running(database)
    gone = await lives.finished(database)
    await lives.alter(owner, gone, "retain_until = now()")
    await prune_jobs(maintenance, KIND, local_store(tmp_path), actor=lives.ACTOR)
    again = await lives.waiting(database)
    await cancel(database, KIND, again.id, actor="key:1")
    await retry(database, KIND, again.id, Bells(), actor="key:1", note="once more")
    for change in (lives.LEASE_OVER, "deadline_at = now()"):
        await lives.alter(owner, await lives.running(database), change)
    await rescue(maintenance, KIND, Bells(), actor=lives.ACTOR)
    await overdue(maintenance, KIND, Bells(), actor=lives.ACTOR)
    await lives.alter(owner, await lives.waiting(database), "status = 'CANCELLED', version = 2, finished_at = now()")
    seen: list[int] = []

    report = await verify(database, [KIND], lambda so_far: seen.append(so_far.jobs))

    assert (report.wrong, report.guards, report.clean) == ([], [], True)
    assert (report.jobs, seen[-1]) == (6, 6)
    assert report.transitions < report.audit_rows  # the deleted job's audit rows outlive it


async def test_an_empty_database_is_clean(database: TenantDatabase) -> None:
    report = await verify(database, [KIND])

    assert (report.clean, report.jobs) == (True, 0)


TAMPERED = {
    "a status that was changed without a trace": (
        "UPDATE executions SET status = 'FAILED' WHERE id = $1",
        (3, "is FAILED at version 3, its last transition says COMPLETED at 3"),
    ),
    "a version that was changed without a trace": (
        "UPDATE executions SET version = 7 WHERE id = $1",
        (7, "is COMPLETED at version 7, its last transition says COMPLETED at 3"),
    ),
    "a step that was taken out of the middle": (
        "DELETE FROM status_transitions WHERE job_id = $1 AND version = 2",
        (3, "version 2 is missing: the history jumps to 3"),
    ),
    "a history that was taken away": (
        "DELETE FROM status_transitions WHERE job_id = $1",
        (None, "has no history"),
    ),
    "an edge that is not legal": (
        "UPDATE status_transitions SET from_status = 'PENDING' WHERE job_id = $1 AND version = 3",
        (3, "PENDING to COMPLETED is no legal edge"),
    ),
    "a step that begins elsewhere than the last one ended": (
        "UPDATE status_transitions SET from_status = 'FAILED' WHERE job_id = $1 AND version = 2",
        (2, "begins from FAILED, but the job was PENDING"),
    ),
    "an audit row that was taken away": (
        "DELETE FROM audit_logs WHERE resource_id = $1::uuid::text AND version = 2",
        (2, "has no audit row"),
    ),
    "an audit row that was doubled": (
        (
            "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, version, actor)"
            " SELECT user_id, action, resource_type, resource_id, version, actor FROM audit_logs"
            " WHERE resource_id = $1::uuid::text AND version = 2"
        ),
        (2, "has more than one audit row"),
    ),
    "an audit row of a transition that never was": (
        (
            "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, version)"
            " VALUES ('system', 'execution.failed', 'execution', $1::uuid::text, 9)"
        ),
        (9, "has an audit row and no transition"),
    ),
    "an audit row that tells something else": (
        "UPDATE audit_logs SET action = 'execution.failed' WHERE resource_id = $1::uuid::text AND version = 3",
        (3, "was told as execution.failed by worker:w1, its transition says otherwise"),
    ),
    "a transition that says another time": (
        "UPDATE status_transitions SET transitioned_at = '2020-02-02 00:00:00Z' WHERE job_id = $1 AND version = 2",
        (2, "its transition says 2020-02-02 00:00:00+00"),
    ),
    "a transition before all of our years": (
        "UPDATE status_transitions SET transitioned_at = '0044-03-15 00:00:00Z BC' WHERE job_id = $1 AND version = 2",
        (2, "its transition says 0044-03-15 00:00:00+00 BC"),
    ),
    "an audit row without an end of time": (
        "UPDATE audit_logs SET created_at = 'infinity' WHERE resource_id = $1::uuid::text AND version = 2",
        (2, "was told at infinity"),
    ),
    "a job that vanished": (
        "WITH gone AS (DELETE FROM executions WHERE id = $1) SELECT 1",
        (None, "is gone without an audit row of its deletion"),
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
async def test_verify_names(database: TenantDatabase, owner: Any, name: str) -> None:
    job = await lives.finished(database)
    await lives.finished(database)
    sql, expected = TAMPERED[name]

    await disarmed(owner, sql, job.id)

    assert any(version == expected[0] and expected[1] in what for version, what in await found(database, job))


@pytest.mark.parametrize("change", ["reason = 'tired'", "attempt = 99", "from_status = 'QUEUED'"])
async def test_what_the_audit_row_holds_of_a_failure_must_be_what_the_transition_says(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, change: str
) -> None:
    await lives.alter(owner, job := await lives.running(database), "deadline_at = now()")
    await overdue(maintenance, KIND, Bells(), actor=lives.ACTOR)
    assert (await verify(database, [KIND])).clean

    await disarmed(owner, f"UPDATE status_transitions SET {change} WHERE job_id = $1 AND version = 3", job.id)

    assert any(version == 3 and "its transition says otherwise" in what for version, what in await found(database, job))


async def test_what_follows_an_end_must_be_a_retry(database: TenantDatabase, owner: Any) -> None:
    job = await lives.waiting(database)
    await cancel(database, KIND, job.id, actor="key:1")
    await retry(database, KIND, job.id, Bells(), actor="key:1")

    await disarmed(owner, "UPDATE status_transitions SET reason = 'claimed' WHERE job_id = $1 AND version = 3", job.id)

    assert await found(database, job) == [(3, "follows the end CANCELLED and is no retry but claimed")]


async def test_guards_that_are_gone_and_edges_that_were_added_are_named(database: TenantDatabase, owner: Any) -> None:
    await owner.execute("ALTER TABLE audit_logs DISABLE TRIGGER prevent_audit_logs_truncate")
    await owner.execute("DROP TRIGGER guard_executions ON executions")
    await owner.execute(
        "INSERT INTO legal_transitions VALUES ('execution', 'COMPLETED', 'PENDING', 'queued');"
        " DELETE FROM legal_transitions WHERE from_status = 'PENDING' AND to_status = 'RUNNING'"
    )

    report = await verify(database, [KIND])

    assert sorted(report.guards) == [
        "executions has no trigger guard_executions",
        "legal_transitions has execution COMPLETED to PENDING (queued), the machine has not",
        "legal_transitions lacks execution PENDING to RUNNING (running)",
        "trigger prevent_audit_logs_truncate on audit_logs is not ENABLE ALWAYS",
    ]


@pytest.mark.parametrize(
    ("sql", "named", "walked"),
    [
        (
            "DROP TABLE image_tasks CASCADE",
            'Not all images were checked. The database default cannot be read: relation "image_tasks" does not exist.',
            1,
        ),
        (
            "ALTER TABLE legal_transitions DROP COLUMN to_phase",
            'The legal edges were not checked. The database default cannot be read: column "to_phase" does not exist.',
            1,
        ),
        (
            "DROP TABLE audit_logs CASCADE",
            'Not all executions were checked. The database default cannot be read: relation "audit_logs" does not exist.',
            0,
        ),
    ],
)
async def test_what_is_gone_is_named_and_the_rest_walked(
    database: TenantDatabase, owner: Any, sql: str, named: str, walked: int
) -> None:
    await lives.finished(database)
    await owner.execute(sql)

    report = await verify(database, all_kinds())

    assert named in report.guards
    assert report.jobs == walked


async def test_only_the_first_hundred_are_named_and_all_are_counted() -> None:
    from milepost.engine.verify import Wrong

    report = Report()
    for number in range(150):
        report.add(Wrong("execution", str(number), None, "x"))

    assert (len(report.wrong), report.wrong_count) == (100, 150)
