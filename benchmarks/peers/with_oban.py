"""Oban for Python: a queue limit of 500, so that each look claims and acknowledges hundreds at once.

Its producer fetches as many as are free and acknowledges what ended in between in one statement; its debounce of 5 ms
cannot be set from outside and costs nothing at this limit. The stager, pruner and lifeline run as they do by default.
"""

from __future__ import annotations

import logging
from typing import Any

from oban import Oban, worker
from oban.schema import install
from timed import Drain, callers, lanes, run

LIMIT = 500
BATCH = 1000
drain = Drain(0)


@worker(queue="default")
class Noop:
    async def process(self, _: Any) -> None:
        drain.mark()


async def main(address: str, count: int) -> dict[str, float]:
    global drain  # noqa: PLW0603 - the worker class is made by a decorator
    logging.disable(logging.CRITICAL)
    pool = await Oban.create_pool(address, min_size=4, max_size=20)
    await install(pool)
    client = Oban(pool=pool)
    singles = max(count // 10, 100)
    hundred = await callers(singles, lambda: client.enqueue(Noop.new()))
    bulk = await lanes(count, BATCH, 3, lambda size: client.enqueue_many([Noop.new() for _ in range(size)]))
    drain = Drain(singles + count)
    async with Oban(pool=pool, queues={"default": LIMIT}):
        await drain.wait()
    await pool.close()
    return {**drain.figures(), "bulk_per_s": bulk, "hundred_per_s": hundred}


if __name__ == "__main__":
    run(main)
