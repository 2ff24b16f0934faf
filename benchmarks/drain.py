"""Drains no-op jobs through the real worker: bells in Redis, claims, a task per job, transitions, full history."""

from __future__ import annotations

import random
from typing import Any

import asyncpg

from benchmarks.jobs import insert, new_jobs
from benchmarks.speed import Speed, Stopwatch
from benchmarks.stage import INSTALLATION, Place, Servers
from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell
from milepost.domain.outcome import Done
from milepost.engine.attempt import Workshop
from milepost.engine.attempts import Attempts
from milepost.engine.heap import settle_heap
from milepost.kinds.executions import KIND
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from milepost.queue.worker import Worker
from milepost.settings import Settings

DONE = Done()
# what a worker runs at a time unless told otherwise: right for handlers that wait for somebody, few for those that do not
SHIPPED: int = Settings.model_fields["max_jobs"].default


async def noop(*_: Any) -> Done:
    return DONE


def make_worker(
    place: Place, on: Servers, doorbell: Doorbell, *, burst: bool, handler: Any = noop, **more: Any
) -> Worker:
    async def databases(_: str) -> TenantDatabase:
        return place.database

    shop = Workshop(
        worker="bench", handlers={"execution": handler}, kinds={"execution": KIND}, databases=databases,
        ringer=doorbell, chance=random.random, ports={},
    )  # fmt: skip
    return Worker(
        Attempts(shop), connect(on.redis_url), installation=INSTALLATION, instance="bench",
        burst=burst, handle_signals=False, **more,
    )  # fmt: skip


async def drain(place: Place, on: Servers, count: int, *, max_jobs: int = 2000) -> Speed:
    """From the first claim to the last transition. Raises if a job was left or done twice."""
    ids = await insert(place, new_jobs(place, count))
    doorbell = Doorbell(connect(on.redis_url), installation=INSTALLATION, patience=10)
    await doorbell.ring([Bell("default", "execution", job_id, 1) for job_id in ids])
    del ids
    settle_heap()
    worker = make_worker(place, on, doorbell, burst=True, max_jobs=max_jobs)
    with Stopwatch() as watch:
        await worker.async_run()
    await worker.close()
    await doorbell.aclose()
    await _check(place, count)
    return watch.per(count)


async def _check(place: Place, count: int) -> None:
    owner = await asyncpg.connect(place.owner_url)
    [rows] = await owner.fetch(
        "SELECT (SELECT count(*) FROM executions WHERE status = 'COMPLETED' AND version = 3),"
        " (SELECT count(*) FROM status_transitions), (SELECT count(*) FROM audit_logs)"
    )
    await owner.close()
    if tuple(rows) != (count, 3 * count, 3 * count):
        raise RuntimeError(f"{count} jobs left {tuple(rows)} completed, transitions and audit rows")
