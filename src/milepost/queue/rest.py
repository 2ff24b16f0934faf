"""Waits that a signal may cut short: the first asks to stop, the second to hurry."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine
from datetime import timedelta
from enum import IntEnum
from typing import Any

from milepost.domain.policy import Backoff

logger = logging.getLogger("milepost.worker")

BACKOFF = Backoff(base=timedelta(seconds=0.2), cap=timedelta(seconds=5))


class Wish(IntEnum):
    """What is asked of a worker."""

    WORK = 0
    STOP = 1
    HURRY = 2


class Rest:
    """The one wait a worker is in, and the wish that may end it."""

    def __init__(self) -> None:
        self.wish = Wish.WORK
        self._nap: asyncio.Future[Any] | None = None

    def cut(self, wish: Wish) -> None:
        if wish <= self.wish:
            return  # said already: a second request to stop does not shorten the grace
        self.wish = wish
        if self._nap is not None:
            self._nap.cancel()

    async def until(self, reason: Coroutine[Any, Any, Any], *, unless: Wish = Wish.STOP) -> None:
        """Waits for the reason unless that much was wished already. Raises what the reason raises."""
        if self.wish >= unless:
            reason.close()
            return
        nap = self._nap = asyncio.ensure_future(reason)
        try:
            await asyncio.wait({nap})
        finally:
            self._nap = None
            nap.cancel()
        if not nap.cancelled():
            nap.result()

    async def beside(self, task: asyncio.Task[Any]) -> None:
        """Waits until the task is done or a stop is wished; the task goes on then."""
        if self.wish >= Wish.STOP or task.done():
            return
        nap = self._nap = asyncio.get_running_loop().create_future()

        def wake(_: object) -> None:
            nap.cancel()

        task.add_done_callback(wake)
        try:
            await asyncio.wait({nap})
        finally:
            self._nap = None
            task.remove_done_callback(wake)


class Trouble:
    """One server's failures in a row: the first and the end are logged, the waits between grow with jitter."""

    def __init__(self, server: str, rest: Rest) -> None:
        self.failures = 0
        self._server = server
        self._rest = rest

    async def wait(self, error: Exception) -> None:
        self.failures += 1
        if self.failures == 1:
            logger.warning("%s failed, trying again until it answers: %s", self._server, error)
        delay = BACKOFF.delay(self.failures, 0.5 + random.random() / 2)
        await self._rest.until(asyncio.sleep(delay.total_seconds()))

    def over(self) -> None:
        if self.failures:
            logger.warning("%s answers again after %d failures", self._server, self.failures)
            self.failures = 0
