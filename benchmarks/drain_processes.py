"""Drains a queue with one or more worker processes, timed by the database itself."""

from __future__ import annotations

import asyncio

import asyncpg

from benchmarks.jobs import insert, new_jobs
from benchmarks.stage import INSTALLATION, Place, Servers
from benchmarks.worker_process import worker_processes
from milepost.domain.bell import Bell
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell

LATEST = "SELECT coalesce(max(id), 0) FROM status_transitions"
# the history has an index on its id: this reads only what the drain itself wrote, however full the table is
TIMES = """
SELECT count(*) FILTER (WHERE version = 2) AS claims,
       count(*) FILTER (WHERE version = 3 AND to_status = 'COMPLETED') AS ends,
       extract(epoch FROM max(transitioned_at) FILTER (WHERE version = 3)
                        - min(transitioned_at) FILTER (WHERE version = 2))::float8 AS seconds
FROM status_transitions WHERE id > $1"""


async def fill(place: Place, doorbell: Doorbell, count: int) -> None:
    """Jobs and their bells, as submits leave them."""
    ids = await insert(place, new_jobs(place, count))
    await doorbell.ring([Bell("default", "execution", job_id, 1) for job_id in ids])


async def drain(place: Place, on: Servers, count: int, processes: int) -> float:
    """Jobs per second from the first claim to the last end, by the transitions' own times.

    Raises if a job was left or done twice.
    """
    owner = await asyncpg.connect(place.owner_url)
    doorbell = Doorbell(connect(on.redis_url), installation=INSTALLATION, patience=10)
    try:
        async with worker_processes(place, on, processes, stays=False) as workers:
            await fill(place, doorbell, count)
            before = await owner.fetchval(LATEST)
            for worker in workers:
                worker.go()
            await asyncio.gather(*(worker.process.communicate() for worker in workers))
        times = await owner.fetchrow(TIMES, before)
    finally:
        await doorbell.aclose()
        await owner.close()
    if times is None or (times["claims"], times["ends"]) != (count, count):
        raise RuntimeError(f"{count} jobs left {tuple(times or ())} claims, ends and seconds")
    return count / times["seconds"]
