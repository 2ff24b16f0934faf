"""What every peer's module shares: the clock of a drain, a hundred callers, and the line of JSON. Standard library only."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

CALLERS = 100
PATIENCE = 120.0


class Drain:
    """From the first call of the handler to the last: starting up and the last commits count for nobody.

    What a peer may hold back until the end is thereby left out in its favour.
    """

    def __init__(self, count: int) -> None:
        self.seen = 0
        self.count = count
        self._first = self._last = 0.0
        self.all_seen = asyncio.Event()

    def mark(self) -> None:
        if not self.seen:
            self._first = time.perf_counter()
        self.seen += 1
        if self.seen == self.count:
            self._last = time.perf_counter()
            self.all_seen.set()

    def per_second(self) -> float:
        """Raises RuntimeError if a job was left. One that was run twice is `run_again`, which most queues allow."""
        if self.seen < self.count:
            raise RuntimeError(f"{self.seen} of {self.count} jobs were run")
        return self.count / (self._last - self._first)

    def figures(self) -> dict[str, float]:
        return {"drain_per_s": self.per_second(), "run_again": self.seen - self.count}

    async def wait(self) -> None:
        await asyncio.wait_for(self.all_seen.wait(), PATIENCE)


async def per_second(count: int, work: Awaitable[Any]) -> float:
    began = time.perf_counter()
    await work
    return count / (time.perf_counter() - began)


async def callers(count: int, call: Callable[[], Awaitable[Any]]) -> float:
    """Calls per second when `CALLERS` coroutines call one after another."""
    todo = iter(range(count))

    async def caller() -> None:
        for _ in todo:
            await call()

    return await per_second(count, asyncio.gather(*(caller() for _ in range(CALLERS))))


async def lanes(count: int, size: int, width: int, insert: Callable[[int], Awaitable[Any]]) -> float:
    """Jobs per second, inserted `size` at a time by `width` callers."""
    todo = iter(range(0, count, size))

    async def lane() -> None:
        for start in todo:
            await insert(min(size, count - start))

    return await per_second(count, asyncio.gather(*(lane() for _ in range(width))))


def run(main: Callable[[str, int], Coroutine[Any, Any, dict[str, float]]]) -> None:
    """`python MODULE.py ADDRESS JOBS`, on uvloop as we are."""
    import uvloop  # type: ignore[import-not-found]  # noqa: PLC0415 - of the peers' environment

    address, count = sys.argv[1], int(sys.argv[2])
    print(json.dumps(uvloop.run(main(address, count))), flush=True)
