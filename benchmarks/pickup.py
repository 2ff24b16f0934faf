"""How long an idle worker takes to begin a job, beside the floor: two commits and two Redis round trips; and what idling costs."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis_client

from benchmarks.drain import DONE, make_worker
from benchmarks.jobs import new_jobs
from benchmarks.stage import INSTALLATION, Place, Servers
from benchmarks.submit import REQUEST
from milepost.db import statements
from milepost.db.ids import new_id
from milepost.db.submits import submit_statement
from milepost.engine.submit import new_job, submit
from milepost.kinds.executions import KIND
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell


@dataclass(frozen=True)
class Pickup:
    """Milliseconds. `floor`: the submit's and the claim's own statements, bare, and two Redis round trips.

    `smallest_floor`: the same with the smallest commits there are, which is what no tracked job can reach.
    """

    p50: float
    p95: float
    p99: float
    floor: float
    smallest_floor: float


async def pickup(place: Place, on: Servers, rounds: int) -> Pickup:
    """From the call of submit to the first line of the handler, one job at a time, worker and producer in one process."""
    began: asyncio.Queue[float] = asyncio.Queue()

    async def handler(*_: Any) -> Any:
        began.put_nowait(time.perf_counter())
        return DONE

    doorbell = Doorbell(connect(on.redis_url), installation=INSTALLATION, patience=10)
    worker = make_worker(place, on, doorbell, burst=False, handler=handler, max_jobs=10)
    running = asyncio.create_task(worker.async_run())
    times: list[float] = []
    floors: list[float] = []
    smallest: list[float] = []
    for turn in range(rounds + 20):
        floor, least = await _floor(place, on), await _smallest_floor(place, on)
        called = time.perf_counter()
        await submit(
            place.database, KIND, new_job(KIND, REQUEST, ids=new_id, actor="key:bench", user_id=None), doorbell
        )
        taken = await began.get() - called
        if turn >= 20:  # the first ones open connections
            times.append(taken * 1000)
            floors.append(floor * 1000)
            smallest.append(least * 1000)
        # the worker finishes its job and goes to sleep again
        await asyncio.sleep(0.01)
    worker.stop()
    await running
    await worker.close()
    await doorbell.aclose()
    cuts = statistics.quantiles(times, n=100)
    return Pickup(cuts[49], cuts[94], cuts[98], statistics.median(floors), statistics.median(smallest))


async def _floor(place: Place, on: Servers) -> float:
    client = _client(on)
    await client.ping()
    [job] = new_jobs(place, 1)
    sql, arrays = submit_statement(KIND.table, [job])
    claim = statements.claim(KIND.table)
    async with place.database.pool.acquire() as connection:
        await connection.fetchval("SELECT 1")
        began = time.perf_counter()
        await connection.fetch(sql, *arrays)
        await client.ping()
        await client.ping()
        await connection.fetch(claim, [job.id], [1], "floor", 20.0)
        return time.perf_counter() - began


async def _smallest_floor(place: Place, on: Servers) -> float:
    client = _client(on)
    await client.ping()
    async with place.database.pool.acquire() as connection:
        await connection.fetchval("SELECT 1")
        began = time.perf_counter()
        for _ in range(2):
            await connection.execute("UPDATE users SET name = name WHERE id = $1", place.user_id)
            await client.ping()
        return time.perf_counter() - began


_clients: dict[str, Any] = {}


def _client(on: Servers) -> Any:
    if on.redis_url not in _clients:
        _clients[on.redis_url] = redis_client.Redis.from_url(on.redis_url)
    return _clients[on.redis_url]
