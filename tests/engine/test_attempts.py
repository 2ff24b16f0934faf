"""Attempts end to end: bells, claims, handlers, outcomes, on real PostgreSQL and real Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.bell import Bell
from milepost.domain.errors import IllegalTransition
from milepost.domain.job import Job
from milepost.domain.outcome import Again, Done, Failed, Outcome
from milepost.engine.attempt import Attempt, Workshop
from milepost.engine.attempts import Attempts
from milepost.engine.cancel import cancel
from milepost.engine.context import Context
from milepost.engine.read_job import read_job
from milepost.engine.retry import retry
from milepost.engine.submit import bell, submit
from milepost.kinds.executions import KIND
from tests.engine.desks import desk_of
from tests.factories import TABLE, Bells, new_execution

Run = Callable[[Job, Context], Awaitable[Outcome]]


async def begin(database: TenantDatabase, desk: Attempts, **changes: Any) -> Attempt:
    submitted = await submit(database, KIND, new_execution(**changes), Bells())
    claimed = await desk.claim("execution", [bell(database, submitted.job)])
    return claimed.attempts[0]


async def now_of(database: TenantDatabase, attempt: Attempt) -> Job:
    return await read_job(database, KIND.table, attempt.job.id)


async def test_a_handlers_answer_completes_the_job(database: TenantDatabase) -> None:
    async def handler(job: Job, ctx: Context) -> Outcome:
        await ctx.progress(50, "half")
        return Done({"output": job["prompt"].upper()})

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    await desk.run(attempt)

    job = await now_of(database, attempt)
    assert (job.status, job["output"], job.version, job["stage"]) == ("COMPLETED", "SAY SOMETHING.", 3, "half")


async def test_progress_tells_when_the_attempt_will_end_and_its_end_forgets_that(database: TenantDatabase) -> None:
    seen: list[tuple[Any, Any]] = []

    async def handler(job: Job, ctx: Context) -> Outcome:
        for percent, seconds in ((10, 10), (50, 20), (60, 60)):
            attempt.began = time.monotonic() - seconds
            await ctx.progress(percent)
            row = await now_of(database, attempt)
            seen.append((row["expected_at"], row["promised_at"]))
        return Failed("BUSY", "Later.", retry=True)

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    claimed_at = attempt.job.claimed_at
    assert claimed_at is not None
    await desk.run(attempt)

    first, second, third = seen
    assert first == (None, None)
    assert second[0] == second[1] == pytest.approx(claimed_at + timedelta(seconds=40), abs=timedelta(seconds=1))
    assert third == (pytest.approx(claimed_at + timedelta(seconds=100), abs=timedelta(seconds=1)), second[0])
    job = await now_of(database, attempt)
    assert (job.status, job["expected_at"], job["promised_at"]) == ("PENDING", None, None)


async def test_an_exception_is_a_retryable_failure_and_rings_the_next_bell(database: TenantDatabase) -> None:
    async def handler(job: Job, ctx: Context) -> Outcome:
        raise SystemExit(3)

    bells = Bells()
    desk = desk_of(database, handler, bells)
    attempt = await begin(database, desk)
    await desk.run(attempt)

    job = await now_of(database, attempt)
    assert (job.status, job["error_code"], job.version) == ("PENDING", "INTERNAL", 3)
    assert [(b.version, b.due_at) for b in bells.rung] == [(3, job.scheduled_at)]


async def test_the_last_attempt_fails_for_good(database: TenantDatabase) -> None:
    async def handler(job: Job, ctx: Context) -> Outcome:
        return Failed("PROVIDER_UNAVAILABLE", "503", retry=True)

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk, max_attempts=1)
    await desk.run(attempt)

    job = await now_of(database, attempt)
    assert (job.status, job["error_code"], job["finished_at"] is not None) == ("FAILED", "PROVIDER_UNAVAILABLE", True)


async def test_a_snooze_uses_up_no_attempt(database: TenantDatabase) -> None:
    async def handler(job: Job, ctx: Context) -> Outcome:
        return Again(timedelta(seconds=30), "PROVIDER_RATE_LIMITED", "wait")

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    await desk.run(attempt)

    job = await now_of(database, attempt)
    assert (job.status, job.attempt, job["status_reason"]) == ("PENDING", 0, "snoozed")


def waiting() -> tuple[asyncio.Event, Run]:
    begun = asyncio.Event()

    async def handler(job: Job, ctx: Context) -> Outcome:
        ctx.keep({"input_tokens": 7, "output_tokens": 0, "tokens_used": 7})
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    return begun, handler


async def test_a_cancel_request_reaches_the_handler_with_the_next_beat(database: TenantDatabase) -> None:
    begun, handler = waiting()
    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    running = asyncio.create_task(desk.run(attempt))
    await begun.wait()

    asked = await cancel(database, KIND, attempt.job.id, actor="key:test")
    await desk.beat()
    await running

    job = await now_of(database, attempt)
    assert (asked.status, asked.version) == ("RUNNING", 2)
    assert (job.status, job["tokens_used"], job.version) == ("CANCELLED", 7, 3)


async def test_a_time_out_ends_the_attempt_and_keeps_what_it_used(database: TenantDatabase) -> None:
    begun, handler = waiting()
    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    running = asyncio.create_task(desk.run(attempt))
    await begun.wait()

    attempt.until = 0
    desk.tick()
    await running

    job = await now_of(database, attempt)
    assert (job.status, job["error_code"], job["tokens_used"]) == ("FAILED", "TIMEOUT", 7)


async def test_handing_back_burns_no_attempt(database: TenantDatabase) -> None:
    begun, handler = waiting()
    bells = Bells()
    desk = desk_of(database, handler, bells)
    attempt = await begin(database, desk)
    running = asyncio.create_task(desk.run(attempt))
    await begun.wait()

    await desk.hand_back()
    await running

    job = await now_of(database, attempt)
    assert (job.status, job.attempt, job["status_reason"], len(bells.rung)) == ("PENDING", 0, "handed_back", 1)


async def test_a_handler_that_ignores_its_stop_is_abandoned_and_fenced_out(database: TenantDatabase) -> None:
    begun, released = asyncio.Event(), asyncio.Event()

    async def deaf(job: Job, ctx: Context) -> Outcome:
        begun.set()
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()
        return Done({"output": "too late"})

    desk = desk_of(database, deaf, Bells())
    attempt = await begin(database, desk)
    running = asyncio.create_task(desk.run(attempt))
    await begun.wait()
    await cancel(database, KIND, attempt.job.id, actor="key:test")
    await desk.beat()

    attempt.stopped_at -= 60
    desk.tick()
    await desk.hand_back()
    cancelled = await now_of(database, attempt)
    released.set()
    await running

    job = await now_of(database, attempt)
    assert cancelled.status == "CANCELLED"
    assert (job.status, job["output"], job.version) == ("CANCELLED", None, 3)


async def test_a_stale_or_forged_bell_claims_nothing(database: TenantDatabase) -> None:
    async def handler(job: Job, ctx: Context) -> Outcome:
        return Done()

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    await desk.run(attempt)

    claimed = await desk.claim("execution", [attempt.bell])

    assert (claimed.attempts, claimed.gone) == ([], [attempt.bell])


async def test_a_job_done_long_ago_cannot_be_retried(database: TenantDatabase) -> None:
    async def handler(job: Job, ctx: Context) -> Outcome:
        return Done()

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    await desk.run(attempt)

    with suppress(IllegalTransition):
        await retry(database, KIND, attempt.job.id, Bells(), actor="key:test")
        raise AssertionError


async def test_an_explicit_retry_begins_a_new_life(database: TenantDatabase) -> None:
    async def handler(job: Job, ctx: Context) -> Outcome:
        return Failed("PROVIDER_REJECTED", "no")

    bells = Bells()
    desk = desk_of(database, handler, bells)
    attempt = await begin(database, desk)
    await desk.run(attempt)

    job = await retry(database, KIND, attempt.job.id, bells, actor="key:test", note="once more", timeout_seconds=60)

    assert (job.status, job.attempt, job["error_code"], job.timeout_seconds) == ("PENDING", 0, None, 60)
    assert (job["status_reason"], job["finished_at"], job.version) == ("retry once more", None, 4)
    assert bells.rung[-1].version == 4


async def test_a_retry_keeps_a_time_that_is_still_ahead_and_was_asked_for(database: TenantDatabase) -> None:
    later, bells = await _later(), Bells()
    job = (await database.ledger.submit(TABLE, new_execution(scheduled_at=later))).job
    for _ in range(2):  # and once more
        await cancel(database, KIND, job.id, actor="key:test")
        job = await retry(database, KIND, job.id, bells, actor="key:test")

    assert (job.status, job.scheduled_at, bells.rung[-1].due_at) == ("PENDING", later, later)
    assert job.deadline_at == later + KIND.policy.queue_time + timedelta(seconds=job.timeout_seconds)


async def test_a_retry_waits_for_no_time_that_has_passed(database: TenantDatabase, owner: Any) -> None:
    job = (await database.ledger.submit(TABLE, new_execution(scheduled_at=await _later()))).job
    await cancel(database, KIND, job.id, actor="key:test")
    await owner.execute("UPDATE executions SET scheduled_at = now() - interval '1 day'")

    again = await retry(database, KIND, job.id, Bells(), actor="key:test")

    assert job["created_at"] < again.scheduled_at < job.scheduled_at


async def test_a_retry_does_not_wait_for_an_attempt_that_nobody_asked_for(database: TenantDatabase) -> None:
    """The time of a job that ran is the end of its back-off, not what its producer wanted."""

    async def handler(job: Job, ctx: Context) -> Outcome:
        return Failed("UPSTREAM", "no", retry=True, wait=timedelta(hours=1))

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    await desk.run(attempt)
    backing_off = await now_of(database, attempt)
    await cancel(database, KIND, attempt.job.id, actor="key:test")

    job = await retry(database, KIND, attempt.job.id, Bells(), actor="key:test")

    assert job.scheduled_at < backing_off.scheduled_at - timedelta(minutes=50)


async def _later() -> datetime:
    return (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)


async def test_a_beat_that_overtakes_the_last_write_loses_nothing(database: TenantDatabase) -> None:
    """The job has left this version, and the attempt has not heard of it yet."""

    async def handler(job: Job, ctx: Context) -> Outcome:
        return Done()

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    running = asyncio.create_task(desk.run(attempt))
    await asyncio.gather(*(desk.beat() for _ in range(5)), running)

    job = await now_of(database, attempt)
    assert (job.status, desk.counts["lost"], desk.counts["completed"]) == ("COMPLETED", 0, 1)


async def test_a_write_of_unknown_answer_does_not_make_an_attempt_late(database: TenantDatabase) -> None:
    """A cancel request that changes nothing but the flag is decided again; a stranger's claim is not."""

    async def handler(job: Job, ctx: Context) -> Outcome:
        await cancel(database, KIND, job.id, actor="key:test")
        return Failed("INTERNAL", "no", retry=True)

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    await desk.run(attempt)

    job = await now_of(database, attempt)
    assert (job.status, desk.counts["rejected"]) == ("CANCELLED", 0)


async def test_an_old_attempt_of_the_same_worker_cannot_finish_the_new_one(
    database: TenantDatabase, owner: Any
) -> None:
    """After an explicit retry attempt numbers begin anew, so that worker and number are the same for both."""
    released: dict[int, asyncio.Event] = {2: asyncio.Event(), 5: asyncio.Event()}

    async def handler(job: Job, ctx: Context) -> Outcome:
        await released[job.version].wait()
        return Done({"output": f"answer of version {job.version}"})

    bells = Bells()
    desk = desk_of(database, handler, bells)
    old = await begin(database, desk, max_attempts=1)
    running_old = asyncio.create_task(desk.run(old))
    await owner.execute("UPDATE executions SET lease_expires_at = now() - interval '1 s' WHERE id = $1", old.job.id)
    lost = decide.after_lost_lease(KIND.machine, await now_of(database, old), actor="maintenance:m", now=old.now())
    await database.ledger.move(KIND.table, lost)
    await retry(database, KIND, old.job.id, bells, actor="key:test")
    new = (await desk.claim("execution", [bells.rung[-1]])).attempts[0]
    running_new = asyncio.create_task(desk.run(new))

    released[2].set()
    await running_old
    released[5].set()
    await running_new

    job = await now_of(database, new)
    assert (new.job.attempt, new.job.version) == (1, 5)
    assert (job.status, job["output"], desk.counts["rejected"]) == ("COMPLETED", "answer of version 5", 1)


async def test_the_late_end_of_a_job_that_was_deleted_meanwhile_is_rejected_and_nothing_worse(
    database: TenantDatabase, owner: Any
) -> None:
    async def handler(_: Job, __: Context) -> Outcome:
        return Done({"output": "too late"})

    desk = desk_of(database, handler, Bells())
    late = await begin(database, desk)
    await owner.execute("UPDATE executions SET lease_expires_at = now() - interval '1 s' WHERE id = $1", late.job.id)
    await owner.execute("DELETE FROM executions WHERE id = $1", late.job.id)

    await desk.run(late)

    assert (desk.counts["rejected"], desk.counts["end_failed"]) == (1, 0)


async def test_an_attempt_that_was_overtaken_is_stopped_by_the_next_beat(database: TenantDatabase, owner: Any) -> None:
    begun, handler = waiting()
    bells = Bells()
    desk = desk_of(database, handler, bells)
    old = await begin(database, desk)
    running = asyncio.create_task(desk.run(old))
    await begun.wait()
    await owner.execute("UPDATE executions SET lease_expires_at = now() - interval '1 s' WHERE id = $1", old.job.id)
    rescued = decide.after_lost_lease(KIND.machine, await now_of(database, old), actor="maintenance:m", now=old.now())
    await database.ledger.move(KIND.table, rescued)
    new = await desk.claim("execution", [Bell("default", "execution", old.job.id, 3)])

    await desk.beat()
    await running

    assert (old.stopping, new.attempts[0].stopping, desk.counts["lost"]) == ("lost", None, 1)


async def test_a_cancellation_that_nobody_asked_for_is_a_failure(database: TenantDatabase) -> None:
    async def handler(job: Job, ctx: Context) -> Outcome:
        raise asyncio.CancelledError

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    await desk.run(attempt)

    job = await now_of(database, attempt)
    assert (job.status, job.attempt, job["error_code"]) == ("PENDING", 1, "INTERNAL")


async def test_a_result_that_the_database_refuses_fails_the_job_and_keeps_what_it_used(
    database: TenantDatabase,
) -> None:
    async def handler(job: Job, ctx: Context) -> Outcome:
        ctx.keep({"input_tokens": 7, "output_tokens": 1, "tokens_used": 8})
        return Done({"output": "x" * 300_000})

    desk = desk_of(database, handler, Bells())
    attempt = await begin(database, desk)
    await desk.run(attempt)

    job = await now_of(database, attempt)
    assert (job.status, job["error_code"], job["tokens_used"]) == ("FAILED", "RESULT_REFUSED", 8)


async def test_what_is_wrong_with_one_tenant_loses_no_claim_of_another(database: TenantDatabase) -> None:
    async def handler(job: Job, ctx: Context) -> Outcome:
        return Done()

    async def databases(tenant: str) -> TenantDatabase:
        if tenant != "default":
            raise ValueError("the address of this tenant leads nowhere")
        return database

    desk = Attempts(
        Workshop(
            worker="w1", handlers={"execution": handler}, kinds={"execution": KIND},
            databases=databases, ringer=Bells(), chance=lambda: 0.5, ports={},
        )
    )  # fmt: skip
    good = bell(database, (await submit(database, KIND, new_execution(), Bells())).job)
    bad = Bell("broken", "execution", good.job_id, 1)

    claimed = await desk.claim("execution", [good, bad])

    assert [attempt.bell for attempt in claimed.attempts] == [good]
    assert [later for later, _ in claimed.later] == [bad]
