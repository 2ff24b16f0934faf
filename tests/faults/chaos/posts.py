"""Posts and who holds them: a process that ends is replaced, as a supervisor would."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from tests.faults.chaos.size import Size, size
from tests.faults.process import Process

# between an end and the next start
PAUSE = 0.3
TERM_SECONDS = 60
Start = Callable[[], Awaitable[Process]]


class Post:
    """One place in the staff.

    `losses`: when each holder, by pid, was killed or stopped, in seconds since the epoch. `starts`: seconds until each
    holder was ready. `begun`: the size of the present one then.
    """

    def __init__(self, name: str, start: Start) -> None:
        self.name = name
        self.one_at_a_time = asyncio.Lock()
        self.losses: defaultdict[int, list[float]] = defaultdict(list)
        self.deaths: Counter[str] = Counter()
        self.expected = False
        self.trouble = "it is not ready yet"
        self.starts: list[float] = []
        self.begun: Size | None = None
        self._start = start
        self._holder: Process | None = None
        self._held = asyncio.Event()

    async def keep(self) -> None:
        """For ever: starts whoever is missing."""
        while True:
            began = time.monotonic()
            try:
                self._holder = await self._start()
            except Exception as error:  # noqa: BLE001 - mostly a server was away; whatever it was, the post is kept
                self.deaths[f"not started, {type(error).__name__}"] += 1
                self.trouble = repr(error)
                await asyncio.sleep(PAUSE)
                continue
            self.starts.append(time.monotonic() - began)
            self.begun = size(self._holder.pid)
            self._held.set()
            await self._until_ended(self._holder)
            await asyncio.sleep(PAUSE)

    async def _until_ended(self, process: Process) -> None:
        code = await process.ended(within=1e9)
        self._held.clear()
        if not self.expected:
            self.losses[process.pid].append(time.time())
            self.deaths[f"by itself, code {code}"] += 1
        self.expected = False

    async def holder(self, within: float = 240) -> Process:
        try:
            await asyncio.wait_for(self._held.wait(), within)
        except TimeoutError:
            raise AssertionError(f"nobody holds {self.name}: {self.trouble}") from None
        assert self._holder is not None
        return self._holder

    async def kill(self) -> None:
        process = await self.holder()
        self._expect(process, "killed")
        await process.kill()

    async def terminate(self) -> None:
        """By SIGTERM. One that does not end is killed, and counted."""
        process = await self.holder()
        self._expect(process, "terminated", lost=False)
        process.send(signal.SIGTERM)
        try:
            await process.ended(TERM_SECONDS)
        except TimeoutError:
            self.deaths["deaf to SIGTERM"] += 1
            await process.kill()

    async def freeze(self, seconds: float, *, lost: bool) -> None:
        """`lost`: for so long that its leases end."""
        process = await self.holder()
        if lost:
            self.losses[process.pid].append(time.time())
        process.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            if process.alive:
                process.send(signal.SIGCONT)

    def _expect(self, process: Process, how: str, *, lost: bool = True) -> None:
        self.expected = True
        self.deaths[how] += 1
        if lost:
            self.losses[process.pid].append(time.time())


@asynccontextmanager
async def staff(starts: Mapping[str, Start]) -> AsyncIterator[Mapping[str, Post]]:
    """All of them, at work when this begins; none is replaced any more when it ends."""
    posts = {name: Post(name, start) for name, start in starts.items()}
    keepers = [asyncio.create_task(post.keep()) for post in posts.values()]
    try:
        for post in posts.values():
            await post.holder()
        yield posts
    finally:
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
