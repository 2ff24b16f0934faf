"""What a worker process weighs while it drains a million no-op jobs, fed in portions so that no queue grows long."""

from __future__ import annotations

import asyncio
import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from benchmarks.drain_processes import fill
from benchmarks.figures import Tell
from benchmarks.stage import INSTALLATION, Place, Servers
from benchmarks.worker_process import WorkerProcess, worker_processes
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell

PORTION = 10_000
# handed over beyond what the worker has seen
AHEAD = 30_000
MB = 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Memory:
    """Resident MB: before the first job, after a tenth of all, after the last; `highest` after the tenth."""

    start: float
    at_tenth: float
    end: float
    highest: float


async def memory(place: Place, on: Servers, count: int, tell: Tell) -> Memory:
    """Raises RuntimeError unless every job was completed."""
    doorbell = Doorbell(connect(on.redis_url), installation=INSTALLATION, patience=10)
    async with worker_processes(place, on, 1, stays=True) as [worker]:
        watch = Watch(worker)
        fed = 0
        while watch.seen < count - count % 1000:
            while fed < min(count, watch.seen + AHEAD):
                portion = min(PORTION, count - fed)
                await fill(place, doorbell, portion)
                fed += portion
                if not watch.going:
                    watch.go()
            await watch.listen()
            tell(watch.seen / count)
        await _all_ended(place)
        last = rss(worker.process.pid)
    await doorbell.aclose()
    tenth = next(mb for seen, mb in watch.weights if seen >= count // 10)
    highest = max(last, *(mb for seen, mb in watch.weights if seen >= count // 10))
    return Memory(watch.start, tenth, last, highest)


class Watch:
    """Reads how far a worker is, and weighs it each time."""

    def __init__(self, worker: WorkerProcess) -> None:
        self._worker = worker
        self.start = rss(worker.process.pid)
        self.seen = 0
        self.weights: list[tuple[int, float]] = []
        self.going = False

    def go(self) -> None:
        self.going = True
        self._worker.go()

    async def listen(self) -> None:
        """The next line, and all that are there already."""
        self.seen = int(await self._worker.said())
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(0.01):
                    self.seen = int(await self._worker.said())
        self.weights.append((self.seen, rss(self._worker.process.pid)))


async def _all_ended(place: Place) -> None:
    """The handler's last line comes before the last transition's commit."""
    owner = await asyncpg.connect(place.owner_url)
    try:
        async with asyncio.timeout(30):
            while left := await owner.fetchval("SELECT count(*) FROM executions WHERE finished_at IS NULL"):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.2)
        if await owner.fetchval("SELECT count(*) FROM executions WHERE status <> 'COMPLETED' OR version <> 3"):
            raise RuntimeError("not every job was completed once")
    except TimeoutError:
        raise RuntimeError(f"{left} jobs were left") from None
    finally:
        await owner.close()


def rss(pid: int) -> float:
    """Resident MB of a process."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / MB
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(shown.stdout) / 1024
