"""PostgreSQL crashes and recovers under load, twice: what was acknowledged is there, and ends once."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from milepost.client import Client
from tests.faults.invariants import Promise
from tests.faults.servers import crash_postgres
from tests.faults.site import OFFLINE, Site

SUBMITTERS, WORKERS, IN_FLIGHT = 8, 2, 20
TEXT = "Bees make honey. They live in hives. Winter is long."


class Load:
    """Clients that submit one job after another, each with a key of its own, and write down what they were promised."""

    def __init__(self, site: Site, client: Client) -> None:
        self.longest = 0.0
        self._site = site
        self._client = client
        self._over = asyncio.Event()
        self._tasks = [asyncio.create_task(self._submit(number)) for number in range(SUBMITTERS)]

    async def _submit(self, number: int) -> None:
        count = 0
        while not self._over.is_set():
            began, count = time.monotonic(), count + 1
            job = await self._client.submit(
                "executions", prompt=TEXT, model=OFFLINE, idempotency_key=f"load-{number}-{count}"
            )
            self._site.promised.append(Promise(job.id))
            self.longest = max(self.longest, time.monotonic() - began)

    async def reach(self, count: int) -> None:
        """Until so many more were promised."""
        goal = len(self._site.promised) + count
        async with asyncio.timeout(60):
            while len(self._site.promised) < goal:
                for task in self._tasks:
                    assert not task.done(), task.exception()
                await asyncio.sleep(0.02)

    async def stop(self) -> list[UUID]:
        self._over.set()
        await asyncio.gather(*self._tasks)
        return [one.id for one in self._site.promised]


async def test_postgres_crashes_twice_under_load(site: Site) -> None:
    api = await site.api()
    async with site.workers(WORKERS), await site.client(patience=60) as client:
        flying = await site.submit(*(["[[drip seconds=0.1 pieces=30]] Say something."] * IN_FLIGHT))
        await site.until_running(IN_FLIGHT)
        load = Load(site, client)
        for crash in ("first", "second"):
            await load.reach(150)
            away = await crash_postgres(site.ground)
            back = time.monotonic()
            await load.reach(1)
            site.figure(f"PostgreSQL, {crash} crash: away", away)
            site.figure(f"PostgreSQL, {crash} crash: until a submit was accepted again", time.monotonic() - back)
        await load.reach(150)
        promised = await load.stop()
        stopped = time.monotonic()
        await site.reconnect()

        ended = await site.until_ended(promised)
        site.figure(
            f"PostgreSQL, two crashes, {len(promised)} jobs: until all ended after the last submit", ended - stopped
        )
        site.figure("PostgreSQL, two crashes: the longest that a client waited for its 202", load.longest)
        site.figure("PostgreSQL, first crash: jobs in flight that were begun twice",
                    sum(row["attempt"] > 1 for row in await site.rows(flying)), unit="")  # fmt: skip
        assert len(set(promised)) == len(promised) == await site.owner.fetchval("SELECT count(*) FROM executions")
        assert {row["status"] for row in await site.rows(promised)} == {"COMPLETED"}
        await site.prove()
    await api.resume_and_kill()
