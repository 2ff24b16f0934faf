"""What the two SAQ modules share: enqueue, drain, stop."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from saq import Worker
from timed import Drain, callers, per_second


async def measure(queue: Any, count: int, concurrency: int) -> dict[str, float]:
    logging.disable(logging.CRITICAL)  # it logs two lines per job
    await queue.connect()
    singles = max(count // 10, 100)
    hundred = await callers(singles, lambda: queue.enqueue("noop"))
    # it has no call for many jobs: this fills the queue
    await per_second(count, callers(count, lambda: queue.enqueue("noop")))
    drain = Drain(singles + count)

    async def noop(_: Any) -> None:
        drain.mark()

    worker = Worker(queue, [("noop", noop)], concurrency=concurrency)
    Worker.SIGNALS = []
    running = asyncio.create_task(worker.start())
    await drain.wait()
    await worker.stop()
    await running
    await queue.disconnect()
    return {**drain.figures(), "hundred_per_s": hundred}
