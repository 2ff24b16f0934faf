"""What arq 0.28 is known to do, and that we do not fall in. One test per trap."""

from __future__ import annotations

import asyncio
import pickle
import time
from uuid import uuid4

import pytest
from arq.constants import abort_jobs_ss
from arq.jobs import Job
from redis.exceptions import ResponseError

from milepost.domain.bell import Bell
from milepost.queue import wire
from milepost.queue.connection import connect
from milepost.queue.stock import stock_functions
from tests.queue.recording import KIND, TENANT, bell, watch

QUEUE = wire.queue_name(KIND)


def failed(worker):
    async def true() -> bool:
        return worker.tally.redis_errors > 0

    return true


async def test_a_result_key_does_not_block_a_reused_id(hire, desk, doorbell, redis):
    one = bell()
    await redis.set(f"arq:result:{wire.arq_id(one)}", b"an old result")
    hire(desk)
    await doorbell.ring([one])
    await desk.until(lambda: desk.finished == [one])


async def test_no_result_key_is_ever_written(hire, desk, doorbell, redis):
    hire(desk)
    await doorbell.ring([bell() for _ in range(10)])
    await desk.until(lambda: len(desk.finished) == 10)
    assert not await redis.keys("arq:result:*")
    assert all(function.keep_result_s == 0 for function in stock_functions(desk))


async def test_no_in_progress_key_delays_the_recovery_of_a_crashed_workers_bells(hire, desk, doorbell, redis):
    started = asyncio.Event()

    async def look(_):
        assert not await redis.keys("arq:in-progress:*")
        started.set()

    desk.handler = look
    hire(desk)
    await doorbell.ring([bell()])
    await asyncio.wait_for(started.wait(), 5)


async def test_a_body_lives_a_month_and_its_loss_loses_no_bell(hire, desk, doorbell, redis):
    one = bell()
    await doorbell.ring([one])
    key = wire.body_key(wire.arq_id(one))
    assert wire.read_body(KIND, await redis.get(key)) == one
    assert await redis.pttl(key) > 29 * 86_400_000
    await redis.delete(key)  # as expiry or eviction would
    hire(desk)
    await desk.until(lambda: desk.finished == [one])


async def test_many_deliveries_use_up_no_tries(hire, desk, doorbell, redis):
    one = bell()
    await redis.set(f"arq:retry:{wire.arq_id(one)}", 5)  # arq's default would be spent
    hire(desk)
    await doorbell.ring([one])
    await desk.until(lambda: desk.finished == [one])
    assert await redis.get(f"arq:retry:{wire.arq_id(one)}") == b"5"
    assert all((function.max_tries or 0) >= 1_000_000 for function in stock_functions(desk))


async def test_a_redis_error_does_not_end_the_worker(hire, desk, doorbell, redis, caplog):
    worker = hire(desk)
    await redis.set(QUEUE, "not a sorted set")
    await redis.lpush(wire.wake_list(KIND), 1)
    await watch(failed(worker))
    await redis.delete(QUEUE)
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.finished) == 1)
    assert not worker.shift.done()


async def test_killed_connections_do_not_end_the_worker(hire, desk, doorbell, redis):
    worker = hire(desk)
    for _ in range(3):
        await redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await doorbell.ring([one := bell()])
        if not (await doorbell.known([one]))[0] and one not in desk.started:
            await doorbell.ring([one])  # as the reconciler would
        await desk.until(lambda one=one: one in desk.finished)
    assert not worker.shift.done()


class Custom(BaseException):
    """Neither Exception nor CancelledError."""


@pytest.mark.parametrize("error", [Custom, GeneratorExit, SystemExit, KeyboardInterrupt, MemoryError, RecursionError])
async def test_no_exception_of_a_handler_ends_the_worker(hire, desk, doorbell, error):
    async def fail(_):
        raise error

    desk.handler = fail
    worker = hire(desk)
    await doorbell.ring([bell()])
    await desk.until(lambda: worker.tally.escaped == 1)
    desk.handler = _fine
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.finished) == 1)
    assert not worker.shift.done()


async def _fine(_): ...


async def test_bells_nobody_here_understands_are_kept_and_counted(hire, desk, doorbell, redis):
    gone, other, pickled, garbage = "no body", "another function", "pickled", "garbage"
    await redis.set(wire.body_key(other), wire.dump({"t": None, "f": "unknown", "a": [], "k": {}, "et": 1}))
    await redis.set(wire.body_key(pickled), pickle.dumps({"f": KIND, "a": [TENANT, str(uuid4()), 1]}))
    await redis.set(wire.body_key(garbage), wire.dump({"f": KIND, "a": ["only one"]}))
    await redis.zadd(QUEUE, dict.fromkeys((gone, other, pickled, garbage), 1))
    worker = hire(desk)
    await doorbell.ring([one := bell()])
    await desk.until(lambda: desk.finished == [one])
    worker.stop()
    await worker.shift
    assert worker.tally.foreign == 4
    kept = dict(await redis.zrange(QUEUE, 0, -1, withscores=True))
    assert set(kept) == {b"no body", b"another function", b"pickled", b"garbage"}
    assert all(score > time.time() * 1000 + 20_000 for score in kept.values())
    assert await redis.exists(*map(wire.body_key, (other, pickled, garbage))) == 3


async def test_the_queue_of_a_kind_that_is_not_served_is_not_touched(hire, desk, doorbell, redis):
    hire(desk)
    other = bell("scan")
    await doorbell.ring([other])
    before = await redis.dump(wire.queue_name("scan"))
    await doorbell.ring([bell()])
    await desk.until(lambda: len(desk.finished) == 1)
    assert await redis.dump(wire.queue_name("scan")) == before


async def test_aborting_a_job_kills_neither_it_nor_the_next_of_that_id(hire, desk, doorbell, redis):
    go = asyncio.Event()

    async def wait(_):
        await go.wait()

    desk.handler = wait
    hire(desk)
    one = bell()
    await doorbell.ring([one])
    await desk.until(lambda: desk.started == [one])
    assert not await Job(wire.arq_id(one), redis, QUEUE).abort()
    go.set()
    await desk.until(lambda: desk.finished == [one])
    following = Bell(TENANT, KIND, one.job_id, 2)
    await redis.zadd(abort_jobs_ss, {wire.arq_id(following): 1})
    await doorbell.ring([following])
    await desk.until(lambda: desk.finished == [one, following])


async def test_eviction_is_warned_of_at_start(hire, desk, redis, caplog):
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        hire(desk)
        await desk.until(lambda: desk.beats > 0)
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")
    assert any("maxmemory-policy is allkeys-lru" in line for line in caplog.messages)


async def test_a_redis_that_is_full_is_waited_for(hire, desk, doorbell, redis):
    waiting = bell()
    await doorbell.ring([waiting])
    await redis.config_set("maxmemory", "1mb")
    try:
        worker = hire(desk)
        await watch(failed(worker))
    finally:
        await redis.config_set("maxmemory", "0")
    await desk.until(lambda: desk.finished == [waiting])


async def test_a_busy_worker_does_not_wait_for_a_poll(hire, desk, doorbell):
    hire(desk, max_jobs=10)
    await doorbell.ring([bell() for _ in range(2000)])
    begun = time.perf_counter()
    await desk.until(lambda: len(desk.finished) == 2000)
    # arq's ceiling with ten slots is 200 a second, whatever the job
    assert time.perf_counter() - begun < 5


async def test_pickle_is_never_read_from_redis(hire, desk, redis):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    await redis.set(wire.body_key("bomb"), pickle.dumps(Bomb()))
    await redis.zadd(QUEUE, {"bomb": 1})
    worker = hire(desk)
    await redis.lpush(wire.wake_list(KIND), 1)

    async def seen() -> bool:
        return worker.tally.foreign > 0

    await watch(seen)
    assert not worker.shift.done()


async def test_the_script_is_loaded_again_when_redis_forgot_it(hire, desk, doorbell, redis, url):
    hire(desk)
    for count in range(1, 4):
        await redis.script_flush()
        with pytest.raises(ResponseError):
            await redis.evalsha("0" * 40, 0)
        await doorbell.ring([bell()])
        await desk.until(lambda count=count: len(desk.finished) == count)
    fresh = connect(url)
    await fresh.script_flush()
    await fresh.aclose()
