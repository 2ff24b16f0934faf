"""DBOS: workflows without a step on a queue without limits, looked at every 10 ms instead of every second.

A pool of 20 connections and 20 threads, for each workflow's start and end are statements of their own, made in threads.
A tenth of the jobs: it needs about a millisecond for each. No logs, no telemetry.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys

import uvloop
from dbos import DBOS
from timed import Drain, callers

AT_ONCE = 20
drain = Drain(max(int(sys.argv[2]) // 10, 200))


@DBOS.workflow()
async def noop() -> None:
    drain.mark()


def begin(address: str) -> None:
    DBOS(config={
        "name": "bench", "system_database_url": address, "sys_db_pool_size": AT_ONCE, "log_level": "CRITICAL",
        "max_executor_threads": AT_ONCE, "enable_otlp": False, "run_admin_server": False, "application_version": "1",
    })  # fmt: skip


async def fill(address: str) -> float:
    """With a process that listens to another queue."""
    begin(address)
    DBOS.listen_queues(["nobody's"])
    DBOS.launch()
    queue = await DBOS.register_queue_async("bench", polling_interval_sec=0.01)
    hundred = await callers(drain.count, lambda: queue.enqueue_async(noop))
    await asyncio.to_thread(DBOS.destroy)
    return hundred


async def work(address: str) -> dict[str, float]:
    begin(address)
    DBOS.launch()
    await drain.wait()
    await asyncio.to_thread(DBOS.destroy)
    return drain.figures()


def main(address: str) -> None:
    logging.disable(logging.CRITICAL)
    # two loops: it leaves its own thread pool, closed, in the first
    hundred = uvloop.run(fill(address))
    print(json.dumps({**uvloop.run(work(address)), "hundred_per_s": hundred}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
