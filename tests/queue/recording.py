"""A desk that remembers: the other side of the queue's port, without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from arq import ArqRedis

from milepost.domain.bell import Bell
from milepost.queue import wire

TENANT = "main"
KIND = "execution"


def bell(kind: str = KIND, *, priority: int = 0, due_at: datetime | None = None) -> Bell:
    return Bell(TENANT, kind, uuid4(), 1, priority, due_at)


async def forget(redis: ArqRedis, bells: Sequence[Bell]) -> None:
    """As if Redis had lost them."""
    for one in bells:
        await redis.zrem(wire.queue_name(one.kind), wire.arq_id(one))
        await redis.unlink(wire.body_key(wire.arq_id(one)))


@dataclass(slots=True, unsafe_hash=True)
class Attempt:
    bell: Bell
    task: asyncio.Task[None] | None = field(default=None, compare=False)


class Claimed(NamedTuple):
    attempts: list[Attempt]
    gone: list[Bell]
    later: list[tuple[Bell, datetime]]


async def nothing(_: Bell) -> None: ...


class RecordingDesk:
    """Lets every (job, version) be claimed once; desks that share `claimed` share that truth."""

    def __init__(self, *kinds: str, claimed: set[tuple[UUID, int]] | None = None) -> None:
        self.kinds: Sequence[str] = kinds or (KIND,)
        self.claimed = set() if claimed is None else claimed
        self.due: dict[UUID, datetime] = {}
        self.broken: Exception | None = None
        self.handler: Callable[[Bell], Awaitable[None]] = nothing
        self.groups: list[list[Bell]] = []
        self.started: list[Bell] = []
        self.finished: list[Bell] = []
        self.gone: list[Bell] = []
        self.beats = self.ticks = self.refusals = 0
        self.handed_back: list[Bell] = []
        self._running: dict[asyncio.Task[None], Bell] = {}
        self._news = asyncio.Event()

    async def claim(self, kind: str, bells: Sequence[Bell]) -> Claimed:
        self.groups.append(list(bells))
        self._news.set()
        if self.broken:
            self.refusals += 1
            raise self.broken
        claimed = Claimed([], [], [])
        for one in bells:
            assert one.kind == kind
            if one.job_id in self.due:
                claimed.later.append((one, self.due.pop(one.job_id)))
            elif (one.job_id, one.version) in self.claimed:
                claimed.gone.append(one)
            else:
                self.claimed.add((one.job_id, one.version))
                claimed.attempts.append(Attempt(one))
        self.gone += claimed.gone
        return claimed

    async def run(self, attempt: Attempt) -> None:
        task = asyncio.current_task()
        assert task
        self._running[task] = attempt.bell
        self.started.append(attempt.bell)
        self._news.set()
        try:
            await self.handler(attempt.bell)
            self.finished.append(attempt.bell)
        finally:
            self._running.pop(task, None)
            self._news.set()

    async def beat(self) -> None:
        self.beats += 1
        self._news.set()

    def tick(self) -> None:
        self.ticks += 1

    async def hand_back(self) -> None:
        self.handed_back += self._running.values()
        for task in list(self._running):
            task.cancel()

    async def until(self, true: Callable[[], bool], seconds: float = 10.0) -> None:
        """Returns as soon as it is true of this desk."""
        async with asyncio.timeout(seconds):
            while not true():
                self._news.clear()
                await self._news.wait()


async def watch(true: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    """For what only a server can tell: asks until it is so."""
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
