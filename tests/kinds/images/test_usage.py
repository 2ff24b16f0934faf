"""Every edge of an image task, and what it counts: completions and failures once each, cancels and retries nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from milepost.db.job_table import as_json
from milepost.db.tenants import TenantDatabase, open_database
from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.outcome import Again, Cancelled, Done, Failed, HandedBack, Outcome, TimedOut
from milepost.engine.cancel import cancel
from milepost.engine.inactive import end_inactive
from milepost.engine.overdue import overdue
from milepost.engine.rescue import rescue
from milepost.engine.retry import retry
from milepost.engine.transit import transit
from milepost.engine.verify import verify
from milepost.kinds.images import KIND
from milepost.kinds.images.table import RESULT_EXAMPLE
from tests.db_fixtures import OPTIONS, Urls
from tests.factories import Bells
from tests.images_fixtures import Easel

RESULT = {"result": as_json(RESULT_EXAMPLE)}
LATE = "lease_expires_at = now() - interval '1 second'"
OVER = "deadline_at = now() - interval '1 second'"
MAINTENANCE = "maintenance:m1"
NOTHING, OK, BAD = (0, 0, 0), (1, 1, 0), (0, 0, 1)


@pytest.fixture
async def maintenance(urls: Urls) -> Any:
    opened = await open_database("default", urls.maintenance, OPTIONS)
    yield opened
    await opened.close()


async def counted(owner: Any) -> tuple[int, int, int]:
    sql = "SELECT coalesce(sum(image_count), 0), coalesce(sum(success_count), 0), coalesce(sum(failure_count), 0)"
    return tuple(await owner.fetchrow(f"{sql} FROM usage_stats"))


async def ended(easel: Easel, job: Job, outcome: Outcome, **columns: Any) -> Job:
    wanted = decide.after_attempt(
        KIND.machine, KIND.policy, job, outcome, actor="worker:w1", now=job.scheduled_at, chance=0.0
    )
    await transit(easel.database, KIND, job, wanted._replace(columns={**wanted.columns, **columns}))
    return await easel.now(job)


async def running(easel: Easel, **changes: Any) -> Job:
    (attempt,) = await easel.claim(await easel.submit(**changes))
    return attempt.job


OUTCOMES = [
    ("T2", Done(RESULT, reason="cache_hit"), 3, "completed", "cache_hit", OK),
    ("T5", Done(RESULT), 3, "completed", "completed", OK),
    ("T6", Failed("RENDERER_REJECTED", "No."), 3, "failed", "failed", BAD),
    ("T6 at the last attempt", Failed("RENDER_FAILED", "No.", retry=True), 1, "failed", "failed", BAD),
    ("T7", Failed("RENDER_FAILED", "No.", retry=True), 3, "pending", "retry_attempt", NOTHING),
    ("T8", TimedOut(), 3, "failed", "timed_out", BAD),
    ("T10", Cancelled(), 3, "cancelled", "cancelled", NOTHING),
    ("T15", HandedBack(), 3, "pending", "handed_back", NOTHING),
    ("T16", Again(timedelta(seconds=5), "RENDERER_UNAVAILABLE", "Later."), 3, "pending", "snoozed", NOTHING),
]


@pytest.mark.parametrize(
    ("outcome", "attempts", "status", "reason", "counts"), [row[1:] for row in OUTCOMES], ids=[r[0] for r in OUTCOMES]
)
async def test_an_attempt_ends_and_counts(
    easel: Easel, owner: Any, outcome: Outcome, attempts: int, status: str, reason: str, counts: tuple[int, int, int]
) -> None:
    job = await ended(easel, await running(easel, max_attempts=attempts), outcome)

    assert (job.status, job["status_reason"], job.lease_owner) == (status, reason, None)
    assert job["progress"] == {"completed": 100, "pending": 0}.get(status, 1)
    assert await counted(owner) == counts


async def waits(easel: Easel, _: TenantDatabase, __: Any) -> Job:
    return await easel.submit()


async def t3(easel: Easel, maintenance: TenantDatabase, owner: Any) -> Job:
    return await running(easel)


async def t8(easel: Easel, maintenance: TenantDatabase, owner: Any) -> Job:
    job = await running(easel)
    await owner.execute("UPDATE image_tasks SET claimed_at = now() - interval '151 seconds'")
    assert await overdue(maintenance, KIND, Bells(), actor=MAINTENANCE) == 1
    return job


async def t9(easel: Easel, maintenance: TenantDatabase, owner: Any) -> Job:
    return await cancel(easel.database, KIND, (await easel.submit()).id, actor="key:test")


async def t11(easel: Easel, maintenance: TenantDatabase, owner: Any) -> Job:
    job = await running(easel)
    await cancel(easel.database, KIND, job.id, actor="key:test")
    return await rescued(maintenance, owner, job)


async def t12(easel: Easel, maintenance: TenantDatabase, owner: Any) -> Job:
    return await rescued(maintenance, owner, await running(easel))


async def t13(easel: Easel, maintenance: TenantDatabase, owner: Any) -> Job:
    return await rescued(maintenance, owner, await running(easel, max_attempts=1))


async def rescued(maintenance: TenantDatabase, owner: Any, job: Job) -> Job:
    await owner.execute(f"UPDATE image_tasks SET {LATE}")
    assert await rescue(maintenance, KIND, Bells(), actor=MAINTENANCE) == 1
    return job


async def t14(easel: Easel, maintenance: TenantDatabase, owner: Any) -> Job:
    job = await easel.submit()
    await owner.execute(f"UPDATE image_tasks SET {OVER}")
    assert await overdue(maintenance, KIND, Bells(), actor=MAINTENANCE) == 1
    return job


async def t17(easel: Easel, maintenance: TenantDatabase, owner: Any) -> Job:
    job = await ended(easel, await running(easel), Failed("RENDERER_REJECTED", "No."), tokens_used=5)
    return await retry(easel.database, KIND, job.id, Bells(), actor="key:test")


async def t18(easel: Easel, maintenance: TenantDatabase, owner: Any) -> Job:
    job = await t9(easel, maintenance, owner)
    return await retry(easel.database, KIND, job.id, Bells(), actor="key:test")


async def t19(easel: Easel, maintenance: TenantDatabase, owner: Any) -> Job:
    job = await easel.submit()
    await owner.execute("UPDATE users SET status = 'suspended'")
    assert await end_inactive(maintenance, KIND, Bells(), actor=MAINTENANCE) == 1
    return job


EDGES: list[tuple[Callable[..., Awaitable[Job]], str, str, str | None, tuple[int, int, int]]] = [
    (waits, "pending", "created", None, NOTHING),
    (t3, "processing", "claimed", None, NOTHING),
    (t8, "failed", "timed_out", "TIMEOUT", BAD),
    (t9, "cancelled", "cancelled", None, NOTHING),
    (t11, "cancelled", "cancelled", None, NOTHING),
    (t12, "pending", "lease_expired", None, NOTHING),
    (t13, "failed", "lease_expired", "WORKER_LOST", BAD),
    (t14, "failed", "timed_out", "QUEUE_TIMEOUT", BAD),
    (t17, "pending", "retry", None, BAD),  # of the failure before
    (t18, "pending", "retry", None, NOTHING),
    (t19, "failed", "user_inactive", "USER_INACTIVE", BAD),
]


@pytest.mark.parametrize(
    ("take", "status", "reason", "code", "counts"), EDGES, ids=[row[0].__name__.upper() for row in EDGES]
)
async def test_an_edge_is_taken_and_counts(
    easel: Easel, maintenance: TenantDatabase, owner: Any, take: Callable[..., Awaitable[Job]], status: str,
    reason: str, code: str | None, counts: tuple[int, int, int],
) -> None:  # fmt: skip
    job = await easel.now(await take(easel, maintenance, owner))

    assert (job.status, job["status_reason"], job["error_code"]) == (status, reason, code)
    assert await counted(owner) == counts
    assert (await verify(easel.database, (KIND,))).clean


async def test_a_retry_forgets_tokens_and_a_second_failure_counts_again(easel: Easel, owner: Any) -> None:
    job = await ended(easel, await running(easel), Failed("RENDERER_REJECTED", "No."), tokens_used=5)
    job = await retry(easel.database, KIND, job.id, Bells(), actor="key:test")
    assert job["tokens_used"] == 0

    (attempt,) = await easel.claim(job)
    await ended(easel, attempt.job, Failed("RENDERER_REJECTED", "No."), tokens_used=7)

    assert tuple(await owner.fetchrow("SELECT failure_count, total_tokens FROM usage_stats")) == (2, 12)


async def test_fifty_completions_at_once_are_counted_exactly(easel: Easel, owner: Any) -> None:
    others = [await easel.user() for _ in range(2)]
    for _ in range(2):  # a new user's row, and a row that is there
        owners = [easel.user_id, *others]
        jobs = [await easel.submit(owners[number % 3], seed=number) for number in range(50)]
        ended_now = await easel.work(*jobs)
        assert {job.status for job in ended_now} == {"completed"}

    rows = {row["user_id"]: row["image_count"] for row in await owner.fetch("SELECT * FROM usage_stats")}
    assert rows == {easel.user_id: 34, others[0]: 34, others[1]: 32}


async def test_two_processes_count_into_one_row(easel: Easel, owner: Any, urls: Urls) -> None:
    other = await open_database("default", urls.app, OPTIONS)
    second = Easel(other, easel.store, easel.brush, easel.user_id, name="w2")
    jobs = [await easel.submit(seed=number) for number in range(40)]

    await asyncio.gather(easel.work(*jobs[:20]), second.work(*jobs[20:]))

    await other.close()
    assert [tuple(row) for row in await owner.fetch("SELECT image_count, success_count FROM usage_stats")] == [(40, 40)]


async def test_the_day_is_the_utc_day_of_the_transaction(easel: Easel, owner: Any) -> None:
    await easel.draw()
    row = await owner.fetchrow(
        "SELECT date, (SELECT (transitioned_at AT TIME ZONE 'UTC')::date FROM status_transitions"
        " WHERE to_status = 'completed') AS day FROM usage_stats"
    )

    assert isinstance(row["date"], date)
    assert row["date"] == row["day"]


async def test_a_transition_that_does_not_commit_counts_nothing(easel: Easel, owner: Any) -> None:
    """The statistics cannot be written, so the task does not fail either."""
    job = await running(easel)
    await owner.execute("ALTER TABLE usage_stats ADD CONSTRAINT closed CHECK (failure_count < 1)")

    with pytest.raises(Exception, match="closed"):
        await ended(easel, job, Failed("RENDERER_REJECTED", "No."))

    assert (await easel.now(job)).version == job.version
    assert await counted(owner) == NOTHING


async def test_a_users_rows_go_with_the_user(easel: Easel, owner: Any) -> None:
    await easel.draw()
    gone: UUID = easel.user_id
    await owner.execute("DELETE FROM users WHERE id = $1", gone)

    for table in ("image_tasks", "generated_images", "usage_stats"):
        assert await owner.fetchval(f"SELECT count(*) FROM {table}") == 0
