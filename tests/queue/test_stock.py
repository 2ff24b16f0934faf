"""Stock arq on either side of our queue."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import arq
import pytest
from arq import ArqRedis, Retry

from milepost.domain.bell import Bell
from milepost.queue import wire
from milepost.queue.connection import connect
from milepost.queue.stock import stock_functions, stock_options
from tests.queue.recording import KIND, TENANT, RecordingDesk, bell, watch


def stock_worker(desk: RecordingDesk, url: str) -> arq.Worker:
    options = stock_options(desk, KIND, beat_every=0.1)
    return arq.Worker(redis_pool=connect(url), handle_signals=False, poll_delay=0.05, **options)


async def dismiss(worker: arq.Worker, shift: asyncio.Task[None]) -> None:
    while not shift.done():
        shift.cancel()
        # once is not enough: a Redis client that is connecting swallows a cancellation
        await asyncio.wait({shift}, timeout=0.2)
    await worker.close()


async def test_a_stock_worker_works_our_bells(desk, doorbell, redis, url):
    bells = [bell(), bell(priority=50)]
    await doorbell.ring(bells)
    worker = stock_worker(desk, url)
    shift = asyncio.create_task(worker.async_run())
    await desk.until(lambda: len(desk.finished) == 2 and desk.beats > 0)

    async def removed() -> bool:
        return not await redis.zcard(wire.queue_name(KIND))

    await watch(removed)
    await dismiss(worker, shift)
    assert {one.job_id for one in desk.finished} == {one.job_id for one in bells}
    assert not await redis.keys("arq:result:*")


async def test_a_stock_worker_keeps_a_bell_that_is_not_due_or_that_no_database_answers(desk):
    (function,) = stock_functions(desk)
    job = uuid4()
    desk.due[job] = datetime.now(UTC) + timedelta(seconds=30)
    for broken in (None, OSError("gone")):
        desk.broken = broken
        with pytest.raises(Retry) as retry:
            await function.coroutine({}, TENANT, str(job), 1)
        assert (retry.value.defer_score or 0) > 4000


async def test_stock_enqueue_rings_our_worker(desk, hire, redis: ArqRedis):
    hire(desk)
    jobs = [uuid4() for _ in range(3)]
    queue = wire.queue_name(KIND)
    assert await redis.enqueue_job(KIND, TENANT, str(jobs[0]), 4, _queue_name=queue, _job_id="an id of my own")
    assert await redis.enqueue_job(KIND, TENANT, str(jobs[1]), 1, _queue_name=queue)
    ours = wire.arq_id(Bell(TENANT, KIND, jobs[2], 1))
    assert await redis.enqueue_job(KIND, TENANT, str(jobs[2]), 1, _queue_name=queue, _job_id=ours)
    await desk.until(lambda: len(desk.finished) == 3)
    assert {(one.tenant, one.job_id, one.version) for one in desk.finished} == {
        (TENANT, jobs[0], 4),
        (TENANT, jobs[1], 1),
        (TENANT, jobs[2], 1),
    }


async def test_a_job_that_a_stock_worker_has_in_progress_is_left_to_it(desk, hire, doorbell, redis):
    theirs, ours = [bell() for _ in range(5)], bell()
    for one in theirs:
        await redis.psetex(f"arq:in-progress:{wire.arq_id(one)}", 60_000, b"1")
    await doorbell.ring([*theirs, ours])
    hire(desk, max_jobs=2)  # fewer slots than theirs: they must not hide ours
    await desk.until(lambda: ours in desk.finished)
    assert desk.finished == [ours]
    assert await doorbell.known(theirs) == [True] * 5


async def test_ours_and_a_stock_worker_share_one_queue(hire, doorbell, url):
    truth = set()
    ours, theirs = RecordingDesk(claimed=truth), RecordingDesk(claimed=truth)
    hire(ours, max_jobs=5)
    worker = stock_worker(theirs, url)
    shift = asyncio.create_task(worker.async_run())
    bells = [bell() for _ in range(200)]
    for start in range(0, 200, 20):
        await doorbell.ring(bells[start : start + 20])
    await ours.until(lambda: len(ours.finished) + len(theirs.finished) == 200)
    await dismiss(worker, shift)
    done = [one.job_id for one in [*ours.finished, *theirs.finished]]
    assert sorted(done) == sorted(one.job_id for one in bells)
