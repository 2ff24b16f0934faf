"""A worker in a process of its own: `python -m benchmarks.worker_process DATABASE_URL REDIS_URL stays|leaves DESCRIPTOR`.

It says `ready`, waits for a line, works, and says how many jobs its handler has seen.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import uvloop

from benchmarks.drain import DONE, make_worker
from benchmarks.stage import INSTALLATION, Place, Servers
from milepost.db.tenants import DatabaseOptions, open_database
from milepost.engine.heap import settle_heap
from milepost.net.child_process import ChildProcess, open_answers
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell

SAYS_EVERY = 1000
PATIENCE = 60.0


def application_url(place: Place) -> str:
    """As the application, not the owner."""
    return f"postgresql://milepost_default_app:bench@{place.owner_url.rsplit('@', 1)[1]}"


@dataclass(frozen=True)
class WorkerProcess:
    """One that is ready, and its two pipes."""

    child: ChildProcess

    @property
    def process(self) -> asyncio.subprocess.Process:
        return self.child.process

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")

    async def said(self) -> str:
        """The next line. Raises TimeoutError, or RuntimeError for a process that ended."""
        line = await asyncio.wait_for(self.child.answers.readline(), PATIENCE)
        if not line:
            raise RuntimeError(f"a worker process ended with {await self.process.wait()}")
        return line.decode().strip()


@asynccontextmanager
async def worker_processes(place: Place, on: Servers, count: int, *, stays: bool) -> AsyncIterator[list[WorkerProcess]]:
    """Started and connected, but not yet working. Ended with the block."""
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(_started(place, on, stays=stays)) for _ in range(count)]
        for worker in started:
            if await worker.said() != "ready":
                raise RuntimeError("a worker process did not start")
        yield started


@asynccontextmanager
async def _started(place: Place, on: Servers, *, stays: bool) -> AsyncIterator[WorkerProcess]:
    child = await ChildProcess.start(
        [
            sys.executable, "-m", "benchmarks.worker_process", application_url(place), on.redis_url,
            "stays" if stays else "leaves",
        ],
        environment=os.environ, stdin=asyncio.subprocess.PIPE, stderr=None,
    )  # fmt: skip
    try:
        yield WorkerProcess(child)
    finally:
        if child.process.returncode is None:
            with suppress(ProcessLookupError):
                child.process.terminate()
        if child.process.stdin is not None:
            child.process.stdin.close()
        await child.gone()


async def _work(database_url: str, on: Servers, say: Callable[[object], None], *, stays: bool) -> None:
    seen = 0

    async def counted(*_: object) -> object:
        nonlocal seen
        seen += 1
        if not seen % SAYS_EVERY:
            say(seen)
        return DONE

    database = await open_database("default", database_url, DatabaseOptions())
    doorbell = Doorbell(connect(on.redis_url), installation=INSTALLATION, patience=10)
    here = Place(database, "", UUID(int=0))
    worker = make_worker(here, on, doorbell, burst=not stays, handler=counted, max_jobs=2000)
    await database.pool.fetchval("SELECT 1")
    settle_heap()
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    ending = asyncio.create_task(_until_told(worker)) if stays else None
    await worker.async_run()
    if ending is not None:
        ending.cancel()
    say(seen)
    await worker.close()
    await doorbell.aclose()
    await database.close()


async def _until_told(worker: object) -> None:
    """A closed pipe or another line ends a worker that stays."""
    await asyncio.to_thread(sys.stdin.readline)
    worker.stop()  # type: ignore[attr-defined]


def main(arguments: Sequence[str]) -> None:
    database_url, redis_url, how, descriptor = arguments
    with open_answers(descriptor) as answers:

        def say(what: object) -> None:
            answers.write(f"{what}\n".encode())
            answers.flush()

        uvloop.run(_work(database_url, Servers("", redis_url), say, stays=how == "stays"))


if __name__ == "__main__":
    main(sys.argv[1:])
