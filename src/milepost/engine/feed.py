"""What happens to the jobs of one tenant, told to everybody who follows: one reader a process, however many follow.

Rows of the history are given out in the order of their ids and only when every transaction that may still bring a
smaller id has ended; so nothing that commits late is skipped.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID

from milepost.db import history
from milepost.db.connections import Connection
from milepost.db.history import Fence, Sign, Step
from milepost.db.job_table import JobTable
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import Unavailable
from milepost.engine.kind import Kind

logger = logging.getLogger("milepost.feed")

SHORTEST_PAUSE, LONGEST_PAUSE, SLOWER_BY = 0.05, 1.0, 1.25
PULSE_EVERY = 1.0
PAGE = 500
# events held for a follower that does not read; one that falls further behind is cut off
MOST_WAITING = 1000


class Moved(NamedTuple):
    """A job changed its status."""

    step: Step


class Stirred(NamedTuple):
    """Something of a job changed inside its status. `shown`: progress, stage or a cancel request, not only the rest."""

    kind: str
    sign: Sign
    shown: bool


Event = Moved | Stirred


class Slow(Exception):
    """The follower did not read for too long and is cut off. What it missed is in the history."""


class Follower:
    """One who follows. `jobs` None: all jobs of `kinds`."""

    def __init__(self, kinds: frozenset[str], jobs: frozenset[UUID] | None, wants: Callable[[Event], bool]) -> None:
        self.kinds = kinds
        self.jobs = jobs
        self.listening = True
        self._wants = wants
        self._waiting: deque[Event] = deque()
        self._news = asyncio.Event()
        self._cut = False

    def tell(self, event: Event) -> None:
        if self._cut or not self.listening or not self._wants(event):
            return
        if len(self._waiting) >= MOST_WAITING:
            self._cut = True
            self._waiting.clear()
        else:
            self._waiting.append(event)
        self._news.set()

    async def next(self, timeout: float) -> Sequence[Event]:
        """What came since the last call, waiting up to `timeout` seconds for something to come. Raises Slow."""
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            return ()
        if self._cut:
            raise Slow
        self._news.clear()
        events = tuple(self._waiting)
        self._waiting.clear()
        return events


class Feed:
    """Of one tenant. Reads only while somebody follows, and holds no connection between two looks."""

    def __init__(self, database: TenantDatabase, kinds: Sequence[Kind]) -> None:
        self.position = 0
        self._database = database
        self._tables = {kind.name: kind.table for kind in kinds}
        self._followers: set[Follower] = set()
        self._of_job: defaultdict[UUID, set[Follower]] = defaultdict(set)
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._fence: Fence | None = None
        self._signs: dict[UUID, Sign] = {}

    @contextmanager
    def follow(
        self,
        kinds: frozenset[str],
        jobs: frozenset[UUID] | None = None,
        wants: Callable[[Event], bool] = lambda _: True,
    ) -> Generator[Follower]:
        """One who hears everything that happens from now on, once the feed is `ready`."""
        follower = Follower(kinds, jobs, wants)
        self._followers.add(follower)
        for job in jobs or ():
            self._of_job[job].add(follower)
        try:
            self._ensure_reader()
            yield follower
        finally:
            self._forget(follower)

    def _forget(self, follower: Follower) -> None:
        self._followers.discard(follower)
        for job in follower.jobs or ():
            self._of_job[job].discard(follower)
            if not self._of_job[job]:
                del self._of_job[job]

    async def ready(self, timeout: float) -> bool:
        """Whether `position` is known: the id up to which all is told already, and nothing will come late."""
        try:
            async with asyncio.timeout(timeout):
                return await self._ready.wait()
        except TimeoutError:
            return False

    async def since(self, follower: Follower, after: int) -> AsyncIterator[Step]:
        """What happened after the id `after`, page by page, until the follower hears the rest by itself."""
        follower.listening = False
        jobs = None if follower.jobs is None else list(follower.jobs)
        while after < self.position:
            up_to = self.position
            page = await self._database.connections.run(
                lambda c, a=after, u=up_to: history.steps(c, self._joined, a, u, jobs=jobs, limit=PAGE)
            )
            for step in page:
                yield step
            after = page[-1].id if len(page) == PAGE else up_to
        follower.listening = True

    async def kept(self, step_id: int) -> bool:
        """Whether the row with that id is still in the history."""
        return await self._database.connections.run(lambda c: history.is_kept(c, step_id))

    async def close(self) -> None:
        """Stops the reader. Followers hear nothing more."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    @property
    def _joined(self) -> Sequence[Any]:
        return tuple(self._tables.values())

    def _ensure_reader(self) -> None:
        if self._reader is None or self._reader.done():
            self._ready.clear()
            self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        self._fence, self._signs = None, {}
        started, pause, pulse_at = False, SHORTEST_PAUSE, 0.0
        clock = asyncio.get_running_loop().time
        while self._followers:
            try:
                started = started or await self._start()
                news = await self._look() if started else True
                if started and clock() >= pulse_at:
                    await self._pulse()
                    pulse_at = clock() + PULSE_EVERY
            except Unavailable:
                logger.warning("the history of %s cannot be read; its streams wait", self._database.name)
                news = False
            except Exception:  # a reader that ends would leave its followers with heartbeats and nothing else
                logger.exception("the history of %s cannot be read", self._database.name)
                news = False
            pause = SHORTEST_PAUSE if news else min(pause * SLOWER_BY, LONGEST_PAUSE)
            await asyncio.sleep(pause)
        self._ready.clear()

    async def _start(self) -> bool:
        """Finds the id up to which nothing is missing any more. False: ask again in a moment."""

        async def work(connection: Connection) -> bool:
            self._fence = self._fence or await history.fence(connection, -1)
            return self._fence is not None and await history.passed(connection, self._fence)

        if not await self._database.connections.run(work):
            return False
        assert self._fence is not None
        self.position, self._fence = self._fence.top, None
        self._ready.set()
        return True

    async def _look(self) -> bool:
        """Tells what was committed since the last look. Answers whether there is, or soon will be, something new."""

        async def work(connection: Connection) -> list[Step] | None:
            self._fence = self._fence or await history.fence(connection, self.position)
            if self._fence is None or not await history.passed(connection, self._fence):
                return None
            return await history.steps(connection, self._joined, self.position, self._fence.top, limit=PAGE)

        page = await self._database.connections.run(work)
        if page is None:
            return self._fence is not None
        assert self._fence is not None
        if len(page) == PAGE:
            self.position = page[-1].id
        else:
            self.position, self._fence = self._fence.top, None
        for step in page:
            self._tell(step.kind, step.job_id, Moved(step))
        return True

    async def _pulse(self) -> None:
        """Looks once for what has no row in the history."""
        seen: dict[UUID, Sign] = {}
        for kind, table in self._tables.items():
            for sign in await self._database.connections.run(lambda c, k=kind, t=table: self._find_signs(c, k, t)):
                seen[sign.job_id] = sign
                before = self._signs.get(sign.job_id)
                if before is None or before.mark != sign.mark:
                    self._tell(kind, sign.job_id, Stirred(kind, sign, _shown(sign) != _shown(before)))
        self._signs = seen

    async def _find_signs(self, connection: Connection, kind: str, table: JobTable) -> list[Sign]:
        following = [follower for follower in self._followers if kind in follower.kinds]
        named = {job for follower in following for job in follower.jobs or ()}
        found = await history.signs(connection, table, sorted(named)) if named else []
        if any(follower.jobs is None for follower in following):
            found += [sign for sign in await history.running_signs(connection, table) if sign.job_id not in named]
        return found

    def _tell(self, kind: str, job_id: UUID, event: Event) -> None:
        for follower in self._of_job.get(job_id, ()):
            if kind in follower.kinds:
                follower.tell(event)
        for follower in self._followers:
            if follower.jobs is None and kind in follower.kinds:
                follower.tell(event)


def _shown(sign: Sign | None) -> tuple[Any, ...]:
    return (0, None, None) if sign is None else (sign.progress, sign.stage, sign.cancel_requested_at)


class Feeds:
    """The feeds of a process, made at their first use."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._kinds = kinds
        self._feeds: dict[str, Feed] = {}

    def of(self, database: TenantDatabase) -> Feed:
        feed = self._feeds.get(database.name)
        if feed is None:
            feed = self._feeds[database.name] = Feed(database, self._kinds)
        return feed

    async def close(self) -> None:
        for feed in self._feeds.values():
            await feed.close()
