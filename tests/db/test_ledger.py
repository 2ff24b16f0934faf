"""The ledger's five verbs on a real database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milepost.db.job_table import JobTable
from milepost.db.moves import Moved
from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.errors import RowRefused, StaleVersion
from milepost.domain.job import Job
from milepost.domain.outcome import Done, Failed
from milepost.domain.policy import Policy
from milepost.kinds.executions.table import MACHINE, Execution
from tests.factories import TABLE, WORKER, new_execution

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def claim_one(database: TenantDatabase, job: Job) -> Job:
    claims = await database.ledger.claim(TABLE, [(job.id, job.version)], "w1", 20)
    return claims.jobs[0]


def ended(job: Job, outcome: Any = None) -> Any:
    return decide.after_attempt(MACHINE, Policy(), job, outcome or Done(), actor=WORKER, now=NOW, chance=0.5)


async def history(owner: Any, job: Job) -> list[tuple[int, str | None, str, str]]:
    rows = await owner.fetch(
        "SELECT version, from_status, to_status, reason FROM status_transitions WHERE job_id = $1 ORDER BY version",
        job.id,
    )
    return [tuple(row) for row in rows]


async def test_a_job_lives_from_submit_to_done_with_one_transition_and_one_audit_row_per_version(
    database: TenantDatabase, owner: Any
) -> None:
    submitted = await database.ledger.submit(TABLE, new_execution())
    claimed = await claim_one(database, submitted.job)
    moved = await database.ledger.move(TABLE, ended(claimed, Done({"output": "forty-two"})))

    assert (submitted.created, claimed.version, claimed.attempt, moved.version) == (True, 2, 1, 3)
    assert await history(owner, claimed) == [
        (1, None, "PENDING", "created"),
        (2, "PENDING", "RUNNING", "claimed"),
        (3, "RUNNING", "COMPLETED", "completed"),
    ]
    audit = await owner.fetch(
        "SELECT action, version FROM audit_logs WHERE resource_id = $1 ORDER BY id", str(claimed.id)
    )
    assert [tuple(row) for row in audit] == [
        ("execution.created", 1), ("execution.running", 2), ("execution.completed", 3),
    ]  # fmt: skip
    row = await owner.fetchrow("SELECT * FROM executions WHERE id = $1", claimed.id)
    assert (row["output"], row["lease_owner"], row["progress"]) == ("forty-two", None, 100)
    assert row["finished_at"] is not None


async def test_of_many_claims_of_one_version_one_wins(database: TenantDatabase) -> None:
    job = (await database.ledger.submit(TABLE, new_execution())).job

    claims = await asyncio.gather(*(database.ledger.claim(TABLE, [(job.id, 1)], f"w{i}", 20) for i in range(20)))

    assert sum(len(claim.jobs) for claim in claims) == 1


async def test_a_stale_version_writes_nothing(database: TenantDatabase, owner: Any) -> None:
    job = (await database.ledger.submit(TABLE, new_execution())).job
    claimed = await claim_one(database, job)
    await database.ledger.move(TABLE, ended(claimed))

    with pytest.raises(StaleVersion):
        await database.ledger.move(TABLE, ended(claimed, Failed("INTERNAL", "late")))

    assert len(await history(owner, job)) == 3


async def test_a_bad_row_fails_alone_in_its_group(database: TenantDatabase, owner: Any) -> None:
    good = [new_execution() for _ in range(20)]
    bad = new_execution(columns={"prompt": "x", "job_name": "exec-bad", "max_tokens": 0, "model": "m"})

    answers = await asyncio.gather(
        *(database.ledger.submit(TABLE, new) for new in [*good[:10], bad, *good[10:]]), return_exceptions=True
    )

    assert isinstance(answers[10], RowRefused)
    assert answers[10].data["detail"] == "ck_executions_max_tokens"
    assert sum(1 for answer in answers if not isinstance(answer, Exception)) == 20
    assert await owner.fetchval("SELECT count(*) FROM executions") == 20


async def test_a_batch_is_written_whole_or_not_at_all(database: TenantDatabase, owner: Any) -> None:
    bad = new_execution(columns={"prompt": "", "job_name": "exec-bad", "max_tokens": 1, "model": "m"})

    with pytest.raises(RowRefused):
        await database.ledger.submit_all(TABLE, [new_execution(), bad, new_execution()])

    assert await owner.fetchval("SELECT count(*) FROM executions") == 0
    assert await owner.fetchval("SELECT count(*) FROM audit_logs") == 0


async def test_one_idempotency_key_makes_one_job_however_many_ask_at_once(database: TenantDatabase, owner: Any) -> None:
    key = "a" * 64

    answers = await asyncio.gather(
        *(database.ledger.submit(TABLE, new_execution(idempotency_key=key)) for _ in range(50))
    )

    assert sum(answer.created for answer in answers) == 1
    assert len({answer.job.id for answer in answers}) == 1
    assert await owner.fetchval("SELECT count(*) FROM executions") == 1


async def test_a_job_that_is_not_due_is_not_claimed_and_its_time_is_told(database: TenantDatabase) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    job = (await database.ledger.submit(TABLE, new_execution(scheduled_at=due))).job

    claims = await database.ledger.claim(TABLE, [(job.id, 1)], "w1", 20)

    assert claims.jobs == []
    assert claims.later == [(job.id, due)]


async def test_a_job_due_in_the_past_is_due_now_and_has_its_whole_time_to_wait(database: TenantDatabase) -> None:
    past = datetime(1960, 1, 1, tzinfo=UTC)
    new = [new_execution(scheduled_at=due, life=3600) for due in (past, None, datetime(2100, 1, 1, tzinfo=UTC))]

    jobs = [answer.job for answer in await database.ledger.submit_all(TABLE, new)]

    assert [job.scheduled_at for job in jobs] == [jobs[0]["created_at"]] * 2 + [new[2].scheduled_at]
    assert {job.deadline_at - job.scheduled_at for job in jobs} == {timedelta(hours=1)}


async def test_a_retryable_failure_waits_in_the_queue_with_its_error(database: TenantDatabase, owner: Any) -> None:
    job = (await database.ledger.submit(TABLE, new_execution())).job
    claimed = await claim_one(database, job)

    moved = await database.ledger.move(TABLE, ended(claimed, Failed("PROVIDER_UNAVAILABLE", "503", retry=True)))

    row = await owner.fetchrow("SELECT *, scheduled_at > now() AS waits FROM executions WHERE id = $1", job.id)
    assert isinstance(moved, Moved)
    assert moved.due_at == row["scheduled_at"]
    assert (row["status"], row["error_code"]) == ("PENDING", "PROVIDER_UNAVAILABLE")
    assert (row["waits"], row["attempt"]) == (True, 1)


async def test_beat_renews_what_is_held_and_leaves_out_what_is_lost(database: TenantDatabase) -> None:
    held = await claim_one(database, (await database.ledger.submit(TABLE, new_execution())).job)
    lost = await claim_one(database, (await database.ledger.submit(TABLE, new_execution())).job)
    await database.ledger.move(TABLE, ended(lost))
    await database.ledger.request_cancel(TABLE, held.id, held.version, "key:test")

    beats = await database.ledger.beat(TABLE, [(held.id, 2), (lost.id, 2)], "w1", 20)

    assert [(beat.job_id, beat.cancel_requested) for beat in beats] == [(held.id, True)]


async def test_progress_rises_only_and_leaves_the_version_alone(database: TenantDatabase, owner: Any) -> None:
    held = await claim_one(database, (await database.ledger.submit(TABLE, new_execution())).job)

    for value in (40, 10):
        assert await database.ledger.note(TABLE, held.id, 2, "w1", {"progress": value, "stage": "reading"})
    stranger = await database.ledger.note(TABLE, held.id, 2, "w2", {"progress": 90})

    row = await owner.fetchrow("SELECT progress, stage, version FROM executions WHERE id = $1", held.id)
    assert (tuple(row), stranger) == ((40, "reading", 2), False)


async def test_a_cancel_request_beats_a_failure_but_not_a_success(database: TenantDatabase) -> None:
    held = await claim_one(database, (await database.ledger.submit(TABLE, new_execution())).job)
    await database.ledger.request_cancel(TABLE, held.id, held.version, "key:test")

    with pytest.raises(StaleVersion):
        await database.ledger.move(TABLE, ended(held, Failed("INTERNAL", "no")))
    done = await database.ledger.move(TABLE, ended(held))

    assert done.version == 3


def test_the_table_knows_its_columns() -> None:
    table = JobTable(Execution.__table__, MACHINE)  # type: ignore[arg-type]

    assert table.array_type("estimated_cost") == "NUMERIC(10, 6)[]"
    assert "prompt" in table.own_columns
    assert "version" not in table.own_columns
    wanted = {
        "priority": 0,
        "max_attempts": 3,
        "is_permanent": False,
        "max_tokens": 4096,
        "prompt": None,
        "created_at": None,
    }
    assert {name: table.defaults[name] for name in wanted} == wanted


async def test_a_job_that_leaves_a_column_to_its_default_gets_it_alone_and_in_company(
    database: TenantDatabase, owner: Any
) -> None:
    columns = dict(new_execution().columns)
    silent = new_execution(columns={**columns, "max_tokens": None, "is_permanent": None})
    spoken = new_execution(columns={**columns, "max_tokens": 7, "is_permanent": True}, priority=5)

    await database.ledger.submit_all(TABLE, [silent])
    await database.ledger.submit_all(TABLE, [spoken, beside := new_execution(columns={**columns, "max_tokens": None})])

    sql = "SELECT max_tokens, is_permanent, priority FROM executions WHERE id = $1"
    rows = [tuple(await owner.fetchrow(sql, one.id)) for one in (silent, spoken, beside)]
    assert rows == [(4096, False, 0), (7, True, 5), (4096, False, 0)]


async def test_moves_of_different_shapes_share_a_group_but_not_a_fate(database: TenantDatabase) -> None:
    jobs = [await claim_one(database, (await database.ledger.submit(TABLE, new_execution())).job) for _ in range(3)]

    good, bad, again = await asyncio.gather(
        database.ledger.move(TABLE, ended(jobs[0], Failed("PROVIDER_UNAVAILABLE", "503", retry=True))),
        database.ledger.move(TABLE, ended(jobs[1], Done({"output": "x" * 300_000}))),
        database.ledger.move(TABLE, ended(jobs[2], Done({"stop_reason": "end"}))),
        return_exceptions=True,
    )

    assert isinstance(bad, RowRefused)
    assert (good.version, again.version) == (3, 3)  # type: ignore[union-attr]
