"""Connections of one tenant's database for the ledger: bounded in time, and retried where that is safe."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import asyncpg

from milepost.db import faults
from milepost.domain.errors import Unavailable
from milepost.ownership import house_task

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
# in quotes: only the stubs know that it is generic. Any: a row reads as a mapping, which Record does not declare
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Any]"
# for what is in use when its server is left
LET_GO_SECONDS = 50.0


@dataclass(frozen=True, slots=True)
class Patience:
    """For how long a new try is begun before Unavailable is raised, and how long one try may take. Seconds."""

    whole: float = 30.0
    one_try: float = 10.0
    pause: float = 0.02
    longest_pause: float = 1.0


class Doubting(Protocol[T_co]):
    """Work that must take effect once: `doubt` tells that an earlier try of it may have committed."""

    def __call__(self, connection: Connection, /, *, doubt: bool) -> Awaitable[T_co]: ...


class _Left(Exception):
    """Somebody else left the server before there was a connection to it."""


class Connections:
    """A pool, and the rules for when a failed piece of work is done again and when a server is left.

    `make` makes a pool that is not connected yet. `setting`: the one that names its server.
    """

    def __init__(
        self, make: Callable[[], asyncpg.Pool[Any]], patience: Patience, setting: str = faults.SETTING
    ) -> None:
        self.pool = make()
        self._make = make
        self._patience = patience
        self._setting = setting
        self._failed: Exception | None = None
        self.answered_at = float("-inf")  # by the monotonic clock
        self._leaving: dict[asyncio.Task[None], asyncpg.Pool[Any] | None] = {}

    @property
    def trouble(self) -> Unavailable | None:
        """What the last try failed for, while it is tried again; None since one succeeded."""
        return None if self._failed is None else self.fault_of(self._failed)

    def fault_of(self, error: Exception) -> Unavailable | None:
        """The server's fault in the words of the house; None where it is somebody else's."""
        return faults.fault_of(error, self._setting)

    def run(self, work: Callable[[Connection], Awaitable[T]], *, limit: float | None = None) -> Coroutine[Any, Any, T]:
        """Runs work that is safe to repeat. `limit`: seconds for one try, for work that takes longer than others.

        Raises as `run_doubting` does.
        """

        def certain(connection: Connection, /, **_: bool) -> Awaitable[T]:
            return work(connection)

        return self.run_doubting(certain, limit=limit)

    async def run_doubting(self, work: Doubting[T], *, limit: float | None = None) -> T:
        """Raises Unavailable when patience runs out, and at once what is the work's own fault.

        What is the server's fault and does not pass by itself, like a missing right, is raised at once as it is.
        """
        patience = self._patience
        ends = time.monotonic() + min(patience.whole, limit or patience.whole)
        one_try = limit or patience.one_try
        pause, doubt = patience.pause, False
        while True:
            pool = self.pool
            try:
                async with asyncio.timeout(one_try):
                    done = await self._once(pool, work, doubt=doubt)
            except _Left:
                continue
            except Exception as error:
                if not faults.passes(error):
                    raise
                self._failed = error
                if faults.spoils_the_pool(error):
                    await self._leave(pool)
                doubt = doubt or not faults.is_undone(error)
                left = ends - time.monotonic()
                if left <= 0:
                    raise faults.unavailable(error, self._setting) from error
                # full jitter, so that many workers do not come back together
                await asyncio.sleep(min(left, pause * random.random()))
                pause = min(pause * 2, patience.longest_pause)
            else:
                self._failed, self.answered_at = None, time.monotonic()
                return done

    async def close(self) -> None:
        """At once: who is in the middle of something gets an error."""
        leaving, self._leaving = self._leaving, {}
        for task, pool in leaving.items():
            task.cancel()
            if pool is not None:
                pool.terminate()
        await asyncio.gather(*leaving, return_exceptions=True)
        self.pool.terminate()

    async def _once(self, pool: asyncpg.Pool[Any], work: Doubting[T], *, doubt: bool) -> T:
        try:
            connection = await pool.acquire()
        except asyncpg.InterfaceError as error:
            if self.pool is pool:
                raise
            raise _Left from error
        try:
            done = await work(connection, doubt=doubt)
            reads_only = _reads_only(connection)
        except BaseException:
            # a server that is silent does not hear either that it is asked to break off: nobody waits for that
            self._behind(pool.release(connection))
            raise
        await pool.release(connection)
        if reads_only:
            await self._leave(pool)
        return done

    async def _leave(self, pool: asyncpg.Pool[Any]) -> None:
        """A connection to a server that was demoted, stopped or replaced says so only when it is asked: none is kept."""
        if self.pool is pool and pool.get_size() > 0:
            self.pool = self._make()
            await self.pool
            self._behind(_let_go(pool), pool)

    def _behind(self, work: Coroutine[Any, Any, None], pool: asyncpg.Pool[Any] | None = None) -> None:
        task = house_task(_quietly(work))
        self._leaving[task] = pool
        task.add_done_callback(lambda done: self._leaving.pop(done, None))


def _reads_only(connection: Connection) -> bool:
    """What the server told by itself: reads from a standby, or from a primary that was put aside, look like any others."""
    told: Any = connection.get_settings()
    return "on" in {getattr(told, name, None) for name in ("in_hot_standby", "default_transaction_read_only")}


async def _let_go(pool: asyncpg.Pool[Any]) -> None:
    """What is in use ends by its own limits."""
    try:
        async with asyncio.timeout(LET_GO_SECONDS):
            await pool.close()
    finally:
        pool.terminate()


async def _quietly(work: Awaitable[None]) -> None:
    with suppress(Exception):
        await work


async def keep_session(_: asyncpg.Connection[Any]) -> None:
    """Nothing here changes session state, so a connection needs no reset (a round trip) when it is given back."""
