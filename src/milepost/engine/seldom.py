"""Says once what goes on for long, and again only now and then: an outage must not fill the disk."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Hashable

EVERY_SECONDS = 60.0


class Seldom:
    """What goes on is told by `tell` at any pace; `over` answers what has ended since."""

    def __init__(self, logger: logging.Logger, every: float = EVERY_SECONDS) -> None:
        self._logger = logger
        self._every = every
        self._again: dict[Hashable, float] = {}

    def tell(self, what: Hashable, level: int, message: str, *args: object) -> None:
        now = time.monotonic()
        if self._again.get(what, now) <= now:
            self._again[what] = now + self._every
            self._logger.log(level, message, *args)

    def over(self, still: Collection[Hashable] = ()) -> list[Hashable]:
        """What was told before and is not among `still`."""
        if not self._again:
            return []
        ended = [what for what in self._again if what not in still]
        for what in ended:
            del self._again[what]
        return ended
