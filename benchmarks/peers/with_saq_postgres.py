"""SAQ on PostgreSQL: 20 handlers and as many connections; every job is claimed and finished by itself.

More handlers only wait for connections. Results are kept for 10 minutes, as by default.
"""

from __future__ import annotations

from saq.queue.postgres import PostgresQueue
from saq_drain import measure
from timed import run


async def main(address: str, count: int) -> dict[str, float]:
    return await measure(PostgresQueue.from_url(address, min_size=4, max_size=20), count, concurrency=20)


if __name__ == "__main__":
    run(main)
