"""Redis forgets everything, goes away, or hangs: jobs are accepted as ever, and each of them ends once."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from tests.faults.invariants import Promise
from tests.faults.site import OFFLINE, Site

QUEUED, IN_FLIGHT = 1000, 50
TEXT = "Bees make honey. They live in hives. Winter is long."


async def test_redis_forgets_everything_with_jobs_queued_and_in_flight(site: Site) -> None:
    async with site.workers(2, max_jobs=str(IN_FLIGHT // 2)):
        flying = await site.submit(*(["[[drip seconds=0.1 pieces=25]] Say something."] * IN_FLIGHT))
        await site.until_running(IN_FLIGHT)
        waiting = await site.submit(*([TEXT] * QUEUED), model=OFFLINE)
        async with asyncio.timeout(5):
            while await site.redis.zcard("milepost:execution") < QUEUED:  # noqa: ASYNC110 - nobody waits for a bell
                await asyncio.sleep(0.01)
        await site.redis.flushall()
        flushed = time.monotonic()

        ended = await site.until_ended([*flying, *waiting])
        first = await site.owner.fetchval(
            "SELECT extract(epoch FROM clock_timestamp() - min(started_at))::float8 FROM executions"
            " WHERE id = ANY ($1::uuid[])", waiting,
        )  # fmt: skip
        site.figure("FLUSHALL: until the first of the forgotten jobs began", time.monotonic() - flushed - first)
        site.figure(f"FLUSHALL, {QUEUED} queued and {IN_FLIGHT} in flight: until all ended", ended - flushed)
        rows = await site.rows([*flying, *waiting])
        assert {row["status"] for row in rows} == {"COMPLETED"}
        site.figure("FLUSHALL: jobs that were begun twice", sum(row["attempt"] > 1 for row in rows), unit="")
        await site.prove()


async def test_redis_stops_and_comes_back_with_nothing(site: Site) -> None:
    async with site.workers(2, max_jobs="5"):
        before = await site.submit(*(["[[drip seconds=0.1 pieces=10]] Say something."] * 30))
        await site.until_running(10)
        port = site.ground.stop_redis()
        without = await site.submit(*([TEXT] * 50), model=OFFLINE)
        await site.until_ended(before[:10])
        site.ground.start_redis(port)
        back = time.monotonic()

        ended = await site.until_ended([*before, *without])
        site.figure("Redis back with nothing: until all 80 jobs ended", ended - back)
        assert {row["status"] for row in await site.rows([*before, *without])} == {"COMPLETED"}
        await site.prove()


async def test_the_api_accepts_while_redis_hangs(site: Site) -> None:
    api = await site.api()
    async with site.workers(), await site.client() as client:
        await client.submit("executions", prompt=TEXT, model=OFFLINE)
        os.kill(site.ground.redis.pid, signal.SIGSTOP)
        try:
            slowest = 0.0
            for _ in range(20):
                began = time.monotonic()
                site.promised.append(Promise((await client.submit("executions", prompt=TEXT, model=OFFLINE)).id))
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.1)
        finally:
            os.kill(site.ground.redis.pid, signal.SIGCONT)
        resumed = time.monotonic()
        site.figure("Redis hangs: the slowest of 20 submits", slowest * 1000, bound=500, unit="ms")

        ended = await site.until_ended([one.id for one in site.promised[-20:]])
        site.figure("Redis answers again: until the jobs of the outage ended", ended - resumed)
        await site.prove()
    await api.resume_and_kill()
