"""PgQueuer: jobs claimed and finished a thousand at a time, which its `batch_size` decides for both.

No cap on concurrency (the cap costs two more CTEs per claim), log aggregation off (its own option; it would fold the log
in the background), asyncpg through its pool driver, durability as installed.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.types import QueueExecutionMode
from timed import Drain, callers, lanes, run

BATCH = 1000
# its ends are written in the background, behind the handlers: its own log says when the last was
FROM_FIRST_TO_LAST = """
SELECT extract(epoch FROM max(created) FILTER (WHERE status = 'successful')
                        - min(created) FILTER (WHERE status = 'picked'))::float8
FROM pgqueuer_log"""


async def main(address: str, count: int) -> dict[str, float]:
    async with asyncpg.create_pool(address, min_size=4, max_size=10) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()
        singles = max(count // 10, 100)
        hundred = await callers(singles, partial(queries.enqueue, "noop", None))

        async def insert(size: int) -> None:
            await queries.enqueue(["noop"] * size, [None] * size, [0] * size)

        bulk = await lanes(count, BATCH, 3, insert)
        await pool.execute("VACUUM ANALYZE")
        drain = Drain(singles + count)
        manager = QueueManager(queries)

        @manager.entrypoint("noop")
        async def noop(_: object) -> None:
            drain.mark()

        await manager.run(
            batch_size=BATCH, mode=QueueExecutionMode.drain, log_aggregation_interval=timedelta(0),
            dequeue_timeout=timedelta(seconds=0.1),
        )  # fmt: skip
        found = drain.figures()  # raises if a job was left
        seconds = await pool.fetchval(FROM_FIRST_TO_LAST)
        return {**found, "drain_per_s": (singles + count) / seconds, "bulk_per_s": bulk, "hundred_per_s": hundred}


if __name__ == "__main__":
    run(main)
