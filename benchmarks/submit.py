"""Submits through the engine, bells included: in bulk, and 100 at a time one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from benchmarks.jobs import GROUP
from benchmarks.speed import Speed, Stopwatch
from benchmarks.stage import INSTALLATION, Place, Servers
from milepost.db.ids import new_id
from milepost.engine.heap import settle_heap
from milepost.engine.submit import new_job, submit, submit_all
from milepost.kinds.executions import KIND, CreateExecution
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell

REQUEST = CreateExecution(prompt="Say nothing.", model="offline/extract", max_tokens=16)


def _new(place: Place) -> Any:
    return new_job(KIND, REQUEST, ids=new_id, actor="key:bench", user_id=place.user_id)


async def _doorbell(on: Servers) -> Doorbell:
    """In an empty Redis: nobody takes the bells of these passes, and each would ring beside those before it."""
    redis = connect(on.redis_url)
    await redis.flushall()
    return Doorbell(redis, installation=INSTALLATION, patience=10)


async def bulk(place: Place, on: Servers, count: int) -> Speed:
    """From the request model to the committed row and its bell, in groups of 500, three under way."""
    doorbell = await _doorbell(on)
    todo = iter(range(0, count, GROUP))
    settle_heap()  # as the API does when it starts

    async def lane(starts: Iterator[int]) -> None:
        for _ in starts:
            await submit_all(place.database, KIND, [_new(place) for _ in range(GROUP)], doorbell)

    with Stopwatch() as watch:
        await asyncio.gather(lane(todo), lane(todo), lane(todo))
    await doorbell.aclose()
    return watch.per(count)


async def concurrent(place: Place, on: Servers, count: int, *, callers: int = 100) -> Speed:
    """When `callers` coroutines submit one job after another."""
    doorbell = await _doorbell(on)
    todo = iter(range(count))
    settle_heap()

    async def caller(turns: Iterator[int]) -> None:
        for _ in turns:
            await submit(place.database, KIND, _new(place), doorbell)

    with Stopwatch() as watch:
        await asyncio.gather(*(caller(todo) for _ in range(callers)))
    await doorbell.aclose()
    return watch.per(count)
