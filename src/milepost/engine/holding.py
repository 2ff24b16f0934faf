"""Work of an attempt that is done again while the server is at fault."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from milepost.db import faults

if TYPE_CHECKING:
    from milepost.engine.attempt import Attempt

T = TypeVar("T")
# seconds between two tries; those of the connections come on top
PAUSE, LONGEST_PAUSE = 0.1, 1.0


async def holding(attempt: Attempt, work: Callable[[], Awaitable[T]], *, until: float) -> T:
    """Raises at once what is not the server's fault, and Unavailable after `until`, by the monotonic clock.

    An earlier try may have been committed without its answer being heard: `attempt.troubled` says that there was one.
    """
    pause = PAUSE
    while True:
        try:
            done = await work()
        except Exception as error:
            fault = faults.fault_of(error)
            if fault is None:
                raise
            attempt.trouble(fault)
            if time.monotonic() >= until:
                raise fault from error
        else:
            attempt.fault = None
            return done
        # jittered, so that all that wait do not come back together
        await asyncio.sleep(pause * (0.5 + random.random() / 2))
        pause = min(pause * 2, LONGEST_PAUSE)
