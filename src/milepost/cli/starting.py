"""How a process starts while a server is at fault: it says so, waits, and goes on when it can."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar

from milepost.cli.signals import STOPS
from milepost.domain.errors import Unavailable
from milepost.engine.seldom import Seldom

logger = logging.getLogger("milepost.starting")

T = TypeVar("T")
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0


async def _nobody(_: Unavailable) -> None:
    """Where nobody asks meanwhile."""


async def patiently(
    opens: Callable[[AsyncExitStack], Coroutine[Any, Any, T]],
    stack: AsyncExitStack,
    *,
    meanwhile: Callable[[Unavailable], Awaitable[None]] = _nobody,
) -> T | None:
    """What `opens` opened, tried again as long as it raises Unavailable. None: a signal said to stop.

    `meanwhile` hears each time what is wrong. Everything else that is raised ends the waiting.
    """
    told, pause = Seldom(logger), FIRST_PAUSE
    with _told_to_stop() as stop:
        while not stop.is_set():
            trial = AsyncExitStack()
            try:
                opened = await _unless(stop, _opened(opens, trial))
            except Unavailable as error:
                told.tell("", logging.ERROR, "waiting, as it cannot start yet: %s %s", error, error.hint or "")
                await meanwhile(error)
                await _unless(stop, asyncio.sleep(pause))
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            if opened is not None:
                await stack.enter_async_context(trial)
                if told.over():
                    logger.warning("what was waited for is there: going on")
            return opened
    return None


async def _opened(opens: Callable[[AsyncExitStack], Coroutine[Any, Any, T]], trial: AsyncExitStack) -> T:
    """What was opened before something failed is closed."""
    async with AsyncExitStack() as first:
        opened = await opens(first)
        trial.push_async_exit(first.pop_all())
        return opened


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """None: told to stop before it was done."""
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        for task in (doing, stopping):
            task.cancel()
        await asyncio.gather(doing, stopping, return_exceptions=True)


@contextmanager
def _told_to_stop() -> Generator[asyncio.Event]:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in STOPS:
            loop.remove_signal_handler(number)
