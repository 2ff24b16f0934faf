"""Connections of one tenant's database for the ledger: bounded in time, and retried where that is safe."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import asyncpg

from milepost.db import faults
from milepost.domain.errors import Unavailable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
# in quotes: only the stubs know that it is generic. Any: a row reads as a mapping, which Record does not declare
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[Any]"
# a pool is renewed once for all that fail together
RENEWED_SECONDS = 1.0


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


class Connections:
    """A pool, and the rule for when a failed piece of work is done again. `setting`: the one that names its server."""

    def __init__(self, pool: asyncpg.Pool[Any], patience: Patience, setting: str = faults.SETTING) -> None:
        self._pool = pool
        self._patience = patience
        self._setting = setting
        self._renewed = float("-inf")
        self._failed: Exception | None = None

    @property
    def trouble(self) -> Unavailable | None:
        """What the last try failed for, while it is tried again; None since one succeeded."""
        return None if self._failed is None else self.fault_of(self._failed)

    def fault_of(self, error: Exception) -> Unavailable | None:
        """The server's fault in the words of the house; None where it is somebody else's."""
        return faults.fault_of(error, self._setting)

    def run(self, work: Callable[[Connection], Awaitable[T]], *, limit: float | None = None) -> Coroutine[Any, Any, T]:
        """Runs work that is safe to repeat. `limit` replaces the patience for work that takes long by nature.

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
        ends = time.monotonic() + (limit or patience.whole)
        one_try = limit or patience.one_try
        pause, doubt = patience.pause, False
        while True:
            try:
                async with asyncio.timeout(one_try):
                    async with self._pool.acquire() as connection:
                        done = await work(connection, doubt=doubt)
            except Exception as error:
                if not faults.passes(error):
                    raise
                self._failed = error
                await self._renew_after(error)
                doubt = doubt or not faults.is_undone(error)
                left = ends - time.monotonic()
                if left <= 0:
                    raise faults.unavailable(error, self._setting) from error
                # full jitter, so that many workers do not come back together
                await asyncio.sleep(min(left, pause * random.random()))
                pause = min(pause * 2, patience.longest_pause)
            else:
                self._failed = None
                return done

    async def _renew_after(self, error: Exception) -> None:
        """A connection to a server that was demoted, stopped or replaced says so only when it is asked: none is kept."""
        if faults.spoils_the_pool(error) and time.monotonic() - self._renewed > RENEWED_SECONDS:
            self._renewed = time.monotonic()
            await self._pool.expire_connections()


async def keep_session(_: asyncpg.Connection[Any]) -> None:
    """Nothing here changes session state, so a connection needs no reset (a round trip) when it is given back."""
