"""What an idle worker costs: its share of a core and its Redis commands per second."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from benchmarks.drain import make_worker
from benchmarks.stage import INSTALLATION, Place, Servers
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell


@dataclass(frozen=True)
class Idle:
    """CPU as a share of one core; commands as Redis counts them, those inside scripts included."""

    cpu_share: float
    redis_commands_per_s: float


async def idle(place: Place, on: Servers, seconds: float = 10.0) -> Idle:
    doorbell = Doorbell(connect(on.redis_url), installation=INSTALLATION)
    watcher = connect(on.redis_url)
    worker = make_worker(place, on, doorbell, burst=False)
    running = asyncio.create_task(worker.async_run())
    await asyncio.sleep(2)  # it settles first
    commands, cpu, began = await _commands(watcher), time.process_time(), time.perf_counter()
    await asyncio.sleep(seconds)
    passed = time.perf_counter() - began
    spent = time.process_time() - cpu
    counted = await _commands(watcher) - commands - 1  # the first count itself
    worker.stop()
    await running
    await worker.close()
    await doorbell.aclose()
    await watcher.aclose()
    return Idle(spent / passed, counted / passed)


async def _commands(client: object) -> int:
    stats = await client.info("commandstats")  # type: ignore[attr-defined]
    return sum(entry["calls"] for entry in stats.values())
