"""SAQ on Redis: the handlers' number is its one setting that matters for no-op jobs.

50 at once: its loop per handler asks for one job at a time, and beyond some dozens Python is the limit. Results are kept
for 10 minutes, as by default.
"""

from __future__ import annotations

from saq import Queue
from saq_drain import measure
from timed import run


async def main(address: str, count: int) -> dict[str, float]:
    return await measure(Queue.from_url(address), count, concurrency=50)


if __name__ == "__main__":
    run(main)
