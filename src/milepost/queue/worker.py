"""The worker: an arq worker that sleeps on a doorbell, claims in groups, outlives Redis and leaves in good order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from signal import Signals
from typing import Any

import arq
from arq import ArqRedis

from milepost.domain.errors import ConfigurationError
from milepost.queue import presence, wire
from milepost.queue.connection import REDIS_ERRORS, eviction_policy
from milepost.queue.desk import Desk
from milepost.queue.intake import Intake, Tally
from milepost.queue.repeat import every
from milepost.queue.rest import Rest, Trouble, Wish
from milepost.queue.stock import stock_functions
from milepost.queue.taking import Taken, Taker

logger = logging.getLogger("milepost.worker")

# a database that hangs must not keep a process from leaving; what it holds comes back when the lease ends
HAND_BACK_LIMIT = 10.0
# a claim that is given up has this long, twice, to let go of its connection
LET_GO = 0.5


class Worker(arq.Worker):
    """Works the bells of a desk's kinds, up to `max_jobs` attempts at a time.

    Bells are hidden for `hold` seconds when taken, so that a crash brings them back. The first SIGTERM or SIGINT lets
    running attempts finish for `grace` seconds, the second hands them back at once. Make it inside the running loop.
    """

    def __init__(
        self,
        desk: Desk,
        redis: ArqRedis,
        *,
        installation: str,
        instance: str,
        max_jobs: int = 100,
        grace: float = 30.0,
        beat_every: float = 5.0,
        hold: float = 30.0,
        backstop: float = 1.0,
        burst: bool = False,
        handle_signals: bool = True,
    ) -> None:
        # the base class installs its signal handlers at once
        self._rest = Rest()
        self._desk = desk
        self._taker = Taker(redis, desk.kinds, installation=installation, hold=hold)
        self._intake = Intake(desk, self._taker)
        super().__init__(
            functions=stock_functions(desk),
            queue_name=wire.queue_name(desk.kinds[0]),
            redis_pool=redis,
            max_jobs=max_jobs,
            keep_result=0,
            burst=burst,
            handle_signals=handle_signals,
            job_serializer=wire.dump,
            job_deserializer=wire.load,
        )
        self.instance = instance
        self._grace = grace
        self._beat_every = beat_every
        # asking costs four commands and one per kind: many kinds are asked less often
        self._backstop = max(backstop, min((4 + len(desk.kinds)) / 6, 3.0))
        self._ask_at = 0.0
        self._claiming: asyncio.Task[Exception | None] | None = None
        self._redis_trouble = Trouble("Redis", self._rest)
        self._desk_trouble = Trouble("the database", self._rest)
        self._started_at = time.time()

    @property
    def running(self) -> int:
        return len(self._intake.running)

    @property
    def tally(self) -> Tally:
        return self._intake.tally

    def stop(self, *, now: bool = False) -> None:
        """Takes nothing new and ends within the grace; at once if `now`."""
        self._rest.cut(Wish.HURRY if now else Wish.STOP)

    def handle_sig(self, signum: Signals) -> None:
        hurry = self._rest.wish >= Wish.STOP
        logger.info("%s: %s %d attempts", Signals(signum).name, "handing back" if hurry else "finishing", self.running)
        self.stop(now=hurry)

    async def main(self) -> None:
        self.loop = asyncio.get_running_loop()
        await self._look_around()
        side = [self.loop.create_task(work) for work in self._side_work()]
        try:
            while self._rest.wish is Wish.WORK and not self._burst_is_over():
                await self._poll_iteration()
            await self._rest.until(self._finish(), unless=Wish.HURRY)
        finally:
            await self._leave(side)

    async def close(self) -> None:
        """Gives the signals back and closes the client."""
        if self._pool is None:
            return
        if self._handle_signals:
            self.loop.remove_signal_handler(Signals.SIGINT)
            self.loop.remove_signal_handler(Signals.SIGTERM)
        await self.pool.aclose()
        self._pool = None

    async def _look_around(self) -> None:
        policy = await eviction_policy(self.pool)
        if policy not in {None, "noeviction"}:
            logger.warning("Redis may throw bells away: maxmemory-policy is %s, should be noeviction", policy)
        try:
            await self._taker.take(0)
        except REDIS_ERRORS as error:
            logger.warning("Redis is away, waiting for it: %s", error)

    def _side_work(self) -> Sequence[Coroutine[Any, Any, None]]:
        return (
            every(self._beat_every, self._desk.beat, name="renewing leases"),
            every(1.0, self._tick, name="watching time-outs"),
            every(self._beat_every, self._show, name="showing presence"),
        )

    async def _tick(self) -> None:
        self._desk.tick()

    async def _show(self) -> None:
        kinds = tuple(self._desk.kinds)
        note = presence.Presence(self.instance, kinds, self.running, self.max_jobs, self._started_at, time.time())
        try:
            await presence.show(self.pool, note, life=3 * self._beat_every)
        except REDIS_ERRORS:
            self.tally.redis_errors += 1  # the loop has already said that Redis is away

    async def _poll_iteration(self) -> None:
        """One round: wait for a reason, take, claim, start."""
        try:
            await self._wait()
            if self._rest.wish is not Wish.WORK:
                return
            taken = await self._taker.take(self.max_jobs - self.running)
        except (*REDIS_ERRORS, ConfigurationError) as error:
            self.tally.redis_errors += 1
            await self._redis_trouble.wait(error)
            return
        self._redis_trouble.over()
        self._plan(taken)
        if self._rest.wish is Wish.WORK:
            await self._admit(taken)
        else:
            await self._intake.decline(taken)

    async def _admit(self, taken: Taken) -> None:
        """In a task, so that a signal is heard while the database takes its time."""
        claiming = self._claiming = self.loop.create_task(self._intake.admit(taken))
        await self._rest.beside(claiming)
        if not claiming.done():
            return
        self._claiming = None
        error = claiming.result()
        if error is not None:
            await self._desk_trouble.wait(error)
        elif taken.bells:
            self._desk_trouble.over()

    async def _wait(self) -> None:
        """For a free slot; then for a bell, unless bells are known to be due or removals are owed."""
        self._intake.freed.clear()
        if self.running >= self.max_jobs:
            await self._taker.settle()
            if self.running >= self.max_jobs:
                await self._rest.until(self._intake.freed.wait())
            return
        seconds = self._ask_at - self.loop.time()
        if seconds <= 0 or self._taker.owes:
            return
        if not self.burst:
            await self._rest.until(self._taker.listen(seconds))
        elif self._intake.running:
            await self._rest.until(self._intake.freed.wait())

    def _plan(self, taken: Taken) -> None:
        seconds = self._backstop if taken.wait is None else min(taken.wait, self._backstop)
        self._ask_at = 0.0 if taken.more else self.loop.time() + max(seconds, 0.001)

    def _burst_is_over(self) -> bool:
        return self.burst and self._ask_at > 0 and not self._taker.owes and not self._intake.running

    async def _finish(self) -> None:
        """Lets end what runs, and first what a claim still under way may add to it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                if self._claiming is not None:
                    await asyncio.wait({self._claiming})
                if self._intake.running:
                    await asyncio.wait(self._intake.running)

    async def _give_up_claim(self) -> None:
        """What it takes nevertheless comes back when the lease ends; its bells when their hold ends."""
        for _ in range(2):
            if self._claiming is None or self._claiming.done():
                return
            self._claiming.cancel()
            await asyncio.wait({self._claiming}, timeout=LET_GO)

    async def _leave(self, side: list[asyncio.Task[None]]) -> None:
        await self._give_up_claim()
        if self._intake.running:
            try:
                async with asyncio.timeout(HAND_BACK_LIMIT):
                    await self._desk.hand_back()
            except Exception:
                logger.exception("running attempts were not handed back; their leases will end")
        leftovers = [*side, *self._intake.running]
        for task in leftovers:
            task.cancel()
        await asyncio.gather(*leftovers, return_exceptions=True)
        try:
            await self._taker.settle()
            await presence.leave(self.pool, self.instance)
        except REDIS_ERRORS:
            logger.info("left without a word: Redis is away")
