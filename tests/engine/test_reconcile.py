"""Whatever Redis loses is rung again, and what it knows is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from arq import ArqRedis

from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell
from milepost.domain.job import Job
from milepost.engine.reconcile import Reconcile
from milepost.engine.submit import bell
from milepost.kinds.executions import KIND
from milepost.queue.doorbell import Doorbell
from tests.engine import lives
from tests.factories import new_execution
from tests.queue.recording import forget


async def submit_many(database: TenantDatabase, count: int) -> list[Job]:
    answers = await database.ledger.submit_all(KIND.table, [new_execution() for _ in range(count)])
    return [answer.job for answer in answers]


async def known(doorbell: Doorbell, database: TenantDatabase, jobs: list[Job]) -> int:
    return sum(await doorbell.known([bell(database, job) for job in jobs]))


async def settled(database: TenantDatabase, doorbell: Doorbell, page: int = 2000) -> Reconcile:
    """A reconciler that has walked everything once."""
    reconcile = Reconcile(database, KIND, doorbell, page=page)
    await reconcile.tick()
    return reconcile


async def test_a_job_whose_bell_was_never_rung_is_rung(database: TenantDatabase, doorbell: Doorbell) -> None:
    reconcile = await settled(database, doorbell)
    job = await lives.waiting(database)

    assert await reconcile.tick() == 1
    assert await known(doorbell, database, [job]) == 1
    assert await reconcile.tick() == 0


async def test_running_and_future_jobs_are_not_rung(database: TenantDatabase, doorbell: Doorbell, owner: Any) -> None:
    reconcile = await settled(database, doorbell)
    await lives.running(database)
    later = await lives.waiting(database)
    await lives.alter(owner, later, "scheduled_at = now() + interval '1 hour'")

    assert await reconcile.tick() == 0


async def test_after_flushall_everything_is_rung_again_the_future_included(
    database: TenantDatabase, doorbell: Doorbell, redis: ArqRedis, owner: Any
) -> None:
    jobs = await submit_many(database, 25)
    await owner.execute(
        "UPDATE executions SET scheduled_at = now() + interval '1 hour' WHERE id = ANY ($1)",
        [job.id for job in jobs[:5]],
    )
    reconcile = await settled(database, doorbell, page=4)
    assert await known(doorbell, database, jobs) == 25

    await redis.flushdb()

    assert await reconcile.tick() == 25
    assert await known(doorbell, database, jobs) == 25
    assert await reconcile.tick() == 0


async def test_a_restart_of_redis_is_noticed_by_its_run_id(
    database: TenantDatabase, doorbell: Doorbell, redis: ArqRedis
) -> None:
    jobs = await submit_many(database, 10)
    reconcile = await settled(database, doorbell, page=2)
    # what a restart from an old snapshot leaves: the note of an earlier run, and bells that are missing
    await redis.hset("milepost:recall", "default:execution", "f" * 40)  # type: ignore[misc]
    await forget(redis, [bell(database, job) for job in jobs])

    assert await reconcile.tick() == 10


async def test_a_walk_in_which_redis_forgot_again_is_done_again(
    database: TenantDatabase, doorbell: Doorbell, redis: ArqRedis
) -> None:
    jobs = await submit_many(database, 3)

    class Forgetful:
        """The doorbell of a Redis that is emptied between the last ring of a walk and its end."""

        deliver, known, begin_recall, ring, ring_soon = (
            doorbell.deliver, doorbell.known, doorbell.begin_recall, doorbell.ring, doorbell.ring_soon,
        )  # fmt: skip

        async def end_recall(self, scope: str, token: str) -> bool:
            await redis.flushdb()
            return await doorbell.end_recall(scope, token)

    await Reconcile(database, KIND, Forgetful(), page=2).tick()
    assert await doorbell.begin_recall("default:execution") is not None

    await Reconcile(database, KIND, doorbell, page=2).tick()
    assert await doorbell.begin_recall("default:execution") is None
    assert await known(doorbell, database, jobs) == 3


async def test_a_lost_bell_deep_in_a_long_queue_is_found_by_the_walk(
    database: TenantDatabase, doorbell: Doorbell, redis: ArqRedis, owner: Any
) -> None:
    jobs = await submit_many(database, 30)
    for place, job in enumerate(jobs):
        await lives.alter(owner, job, f"scheduled_at = now() - interval '1 hour' + interval '{place} seconds'")
    reconcile = await settled(database, doorbell, page=4)
    lost = await lives.now(database, jobs[17])
    await forget(redis, [bell(database, lost)])

    rung = [await reconcile.tick() for _ in range(8)]

    assert sum(rung) == 1
    assert await known(doorbell, database, [lost]) == 1


async def test_what_became_due_a_moment_ago_is_looked_at_in_every_tick(
    database: TenantDatabase, doorbell: Doorbell, owner: Any
) -> None:
    for job in await submit_many(database, 30):
        await lives.alter(owner, job, "scheduled_at = now() - interval '1 hour'")
    reconcile = await settled(database, doorbell, page=4)
    fresh = await lives.waiting(database)

    assert await reconcile.tick() == 1
    assert await known(doorbell, database, [fresh]) == 1


async def test_a_tick_looks_at_a_bounded_number_of_jobs(database: TenantDatabase, doorbell: Doorbell) -> None:
    await submit_many(database, 300)
    await settled(database, doorbell, page=10)
    asked: list[int] = []

    class Counting:
        """Counts what it is asked about."""

        deliver, begin_recall, end_recall, ring, ring_soon = (
            doorbell.deliver, doorbell.begin_recall, doorbell.end_recall, doorbell.ring, doorbell.ring_soon,
        )  # fmt: skip

        async def known(self, bells: Sequence[Bell]) -> list[bool]:
            asked.append(len(bells))
            return await doorbell.known(bells)

    assert await Reconcile(database, KIND, Counting(), page=10).tick() == 0
    assert sum(asked) <= 30


async def test_a_put_back_job_is_rung_at_its_new_version(
    database: TenantDatabase, doorbell: Doorbell, owner: Any
) -> None:
    reconcile = await settled(database, doorbell)
    job = await lives.waiting(database)
    await lives.alter(owner, job, "status = 'FAILED', version = 2, finished_at = now()")
    await lives.alter(owner, job, "status = 'PENDING', version = 3, finished_at = NULL")

    await reconcile.tick()

    again = Bell("default", "execution", job.id, 3, 0, job.scheduled_at + timedelta(0))
    assert await doorbell.known([again]) == [True]


async def test_jobs_due_since_for_ever_or_never_take_no_other_along(
    database: TenantDatabase, doorbell: Doorbell, redis: ArqRedis, owner: Any
) -> None:
    jobs = await submit_many(database, 12)
    for job in jobs[:5]:
        await lives.alter(owner, job, "scheduled_at = '-infinity'")
    await lives.alter(owner, jobs[5], "scheduled_at = 'infinity'")
    reconcile = await settled(database, doorbell, page=2)
    assert await known(doorbell, database, jobs) == 12
    await forget(redis, [bell(database, job) for job in jobs])

    rung = [await reconcile.tick() for _ in range(5)]

    assert sum(rung) == 11
    assert await known(doorbell, database, [*jobs[:5], *jobs[6:]]) == 11
