"""procrastinate: a statement per claim and one per end, whatever the settings.

20 jobs at once over a pool of 20 connections: fewer leave the database idle, more only wait for a connection. It does
not listen for notifications, for the queue is full when it begins; jobs are kept, as by default.
"""

from __future__ import annotations

import logging

from procrastinate import App, PsycopgConnector
from timed import Drain, callers, lanes, run

AT_ONCE = 20
BATCH = 1000


async def main(address: str, count: int) -> dict[str, float]:
    logging.disable(logging.CRITICAL)  # it logs three lines per job
    app = App(connector=PsycopgConnector(conninfo=address, min_size=4, max_size=AT_ONCE))
    singles = max(count // 10, 100)
    drain = Drain(singles + count)

    @app.task(name="noop", pass_context=False)
    async def noop() -> None:
        drain.mark()

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        hundred = await callers(singles, noop.defer_async)
        bulk = await lanes(count, BATCH, 3, lambda size: noop.batch_defer_async(*[{}] * size))
        await app.run_worker_async(
            concurrency=AT_ONCE, wait=False, listen_notify=False, install_signal_handlers=False, delete_jobs="never"
        )
    return {**drain.figures(), "bulk_per_s": bulk, "hundred_per_s": hundred}


if __name__ == "__main__":
    run(main)
