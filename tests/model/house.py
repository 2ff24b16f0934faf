"""PostgreSQL, Redis and two workers on an event loop of their own, for rules that are plain functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from milepost.db.tenants import TenantDatabase, open_database
from milepost.domain.bell import Bell
from milepost.domain.job import Job
from milepost.domain.outcome import Outcome
from milepost.engine.attempt import Attempt, Workshop
from milepost.engine.attempts import Attempts
from milepost.engine.context import Context
from milepost.engine.kind import Kind
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from tests.db_fixtures import OPTIONS, Urls

T = TypeVar("T")
Order = Callable[[Context], Awaitable[Outcome | None]]
TENANT = "default"
# The last two take every bell together. Who of them wins is left to chance, so they do all else together too: what an
# example goes on with may not hang on it.
TEAMS = (("w1",), ("w2",), ("w3", "w4"))
WORKERS = tuple(worker for team in TEAMS for worker in team)
A_STEP = 20.0


@dataclass(eq=False)
class Hold:
    """A claimed job in a worker's hands. Its handler does what it is told, one order after another."""

    worker: str
    version: int
    desk: Attempts
    attempt: Attempt
    inbox: asyncio.Queue[Order] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self.task is None or self.task.done()

    async def tell(self, order: Order) -> None:
        """Returns when the order was carried out, and the attempt ended if that ended it."""
        carried_out = asyncio.Event()

        async def last(context: Context) -> Outcome | None:
            try:
                return await order(context)
            finally:
                carried_out.set()

        assert self.task is not None
        self.inbox.put_nowait(last)
        await carried_out.wait()
        if self.attempt.stopping is not None:
            await self.task

    async def finish(self, order: Order) -> None:
        await self.tell(order)
        assert self.task is not None
        await self.task


class House:
    """All that runs. `desks` are new for every example; the databases stay."""

    def __init__(self, urls: Urls, redis_url: str, kinds: tuple[Kind, ...]) -> None:
        self.kinds = {kind.name: kind for kind in kinds}
        self._urls = urls
        self._redis_url = redis_url
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="house", daemon=True)
        self._holds: dict[tuple[str, UUID, int], Hold] = {}
        self.databases: dict[str, TenantDatabase] = {}
        self.desks: dict[str, Attempts] = {}
        self.owner: Any = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Does it on the house's loop and waits. Nothing here takes long: who does is stuck."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(A_STEP)

    def open(self) -> None:
        self._thread.start()
        self.run(self._open())

    def close(self) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        logins = {"api": self._urls.app, "maintenance": self._urls.maintenance} | dict.fromkeys(WORKERS, self._urls.app)
        self.databases = {who: await open_database(TENANT, url, OPTIONS) for who, url in logins.items()}
        self.owner = await asyncpg.connect(self._urls.owner)
        # one long question after every step: it is planned once
        await self.owner.execute("SET plan_cache_mode = force_generic_plan")
        self.redis = connect(self._redis_url)
        self.doorbell = Doorbell(connect(self._redis_url), installation="here", patience=5.0)

    async def _close(self) -> None:
        await self.clear()
        await self.doorbell.aclose()
        await self.redis.aclose()
        await self.owner.close()
        for database in self.databases.values():
            await database.close()

    async def clear(self) -> None:
        """An empty house: the workers leave, and their jobs go with whatever belongs to them."""
        for desk in self.desks.values():
            await desk.hand_back()
        self._holds.clear()
        self.desks = {worker: self._desk(worker) for worker in WORKERS}
        for kind in self.kinds.values():
            await self.owner.execute(f"DELETE FROM {kind.table.name}")
        await self.owner.execute("DELETE FROM users")
        await self.forget_bells()

    async def forget_bells(self) -> None:
        await self.redis.flushdb()

    def _desk(self, worker: str) -> Attempts:
        async def database(_: str) -> TenantDatabase:
            return self.databases[worker]

        async def obey(job: Job, context: Context) -> Outcome:
            inbox = self._holds[worker, job.id, job.version].inbox
            while True:
                outcome = await (await inbox.get())(context)
                if outcome is not None:
                    return outcome

        handlers = dict.fromkeys(self.kinds, obey)
        # no chance: every back-off is 0, and what must wait longer says so
        return Attempts(Workshop(worker, handlers, self.kinds, database, self.doorbell, lambda: 0.0, {}))

    async def claim(self, worker: str, bell: Bell) -> Hold | None:
        desk = self.desks[worker]
        claimed = await desk.claim(bell.kind, [bell])
        assert len(claimed.attempts) + len(claimed.gone) + len(claimed.later) == 1, "a bell is one thing of the three"
        for attempt in claimed.attempts:
            hold = Hold(worker, bell.version, desk, attempt)
            self._holds[worker, attempt.job.id, attempt.job.version] = hold
            hold.task = asyncio.get_running_loop().create_task(desk.run(attempt))
            return hold
        return None

    async def alter(self, kind: Kind, job_id: UUID, changes: str) -> None:
        """What time would have done."""
        await self.owner.execute(f"UPDATE {kind.table.name} SET {changes} WHERE id = $1", job_id)
