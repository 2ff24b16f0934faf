"""Runs an action again and again beside the main work. What it raises is logged, never fatal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger("milepost.worker")


async def every(seconds: float, action: Callable[[], Awaitable[None]], *, name: str) -> None:
    """The action's own time counts: a slow one does not stretch the rhythm."""
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    failures = 0
    while True:
        begun = loop.time()
        try:
            await action()
            failures = 0
        except Exception:
            failures += 1
            # the first says it all, the rest is for those who look closer
            logger.log(logging.WARNING if failures == 1 else logging.DEBUG, "%s failed", name, exc_info=True)
        if task is not None and task.cancelling():
            return  # a Redis client that is connecting swallows a cancellation
        await asyncio.sleep(max(seconds - (loop.time() - begun), seconds / 10))
