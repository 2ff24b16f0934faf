"""Stock arq on the same Redis, which keeps no record of a job but its result."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from arq import Worker
from arq.connections import RedisSettings, create_pool
from arq.worker import func

from benchmarks.stage import Servers

QUEUE = "stock-arq"


async def noop(ctx: dict[Any, Any], *_: Any, **__: Any) -> None:
    del ctx


async def drain(on: Servers, count: int) -> float:
    """Jobs per second at its best setting: polled every 10 ms instead of every 500, results kept for a minute."""
    settings = RedisSettings.from_dsn(on.redis_url)
    pool = await create_pool(settings, default_queue_name=QUEUE)
    for start in range(0, count, 100):
        await asyncio.gather(*(pool.enqueue_job("noop") for _ in range(min(100, count - start))))
    worker = Worker(
        [func(noop, name="noop")], queue_name=QUEUE, redis_pool=pool, burst=True, poll_delay=0.01, max_jobs=200,
        keep_result=60, handle_signals=False, log_results=False,
    )  # fmt: skip
    began = time.perf_counter()
    await worker.async_run()
    seconds = time.perf_counter() - began
    await worker.close()
    return count / seconds
