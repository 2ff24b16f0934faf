"""Whose turn it is at something that only a few may do at a time: fair between those who wait, however many times each waits."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Generator, Hashable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from milepost.domain.errors import LineFull


@dataclass(frozen=True, slots=True)
class Line:
    """`at_once` do it at a time, of each caller `each_at_once`: while that is less, nobody waits for one caller alone.

    `each` and `all` bound those who are there, whether they do it, wait for it or still get ready. `what` names them to
    whoever is refused.
    """

    what: str
    at_once: int
    each_at_once: int
    each: int
    all: int


class Turns:
    """One process's line. Whoever waits is called in turn with the other callers, and in order with the same caller's others."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._there: Counter[Hashable] = Counter()
        self._doing: Counter[Hashable] = Counter()
        self._waiting: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def counts(self) -> dict[str, float]:
        """How many are there, and how many of them have their turn."""
        return {"there": self._there.total(), "at work": self._doing.total()}

    @contextmanager
    def place(self, who: Hashable) -> Generator[None]:
        """To be taken first, and kept until all is over. Raises LineFull."""
        if self._there[who] >= self._line.each:
            raise LineFull(most=self._line.each, what=f"{self._line.what} of this caller")
        if self._there.total() >= self._line.all:
            raise LineFull(most=self._line.all, what=self._line.what)
        self._there[who] += 1
        try:
            yield
        finally:
            _less(self._there, who)

    @asynccontextmanager
    async def turn(self, who: Hashable) -> AsyncGenerator[None]:
        """Waits until it is this one's turn, which lasts as long as the block."""
        called = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(who, deque()).append(called)
        self._call()
        try:
            await called
            yield
        finally:
            # whoever was called and cancelled before noticing has had a turn, too
            if not called.cancelled():
                _less(self._doing, who)
                self._behind_others(who)
            self._call()

    def _call(self) -> None:
        """As many as there is room for."""
        while self._doing.total() < self._line.at_once and (who := self._next()) is not None:
            self._doing[who] += 1
            self._waiting[who].popleft().set_result(None)
            self._behind_others(who)

    def _behind_others(self, who: Hashable) -> None:
        """When a turn begins and when it ends: meanwhile others have come."""
        if who in self._waiting:
            self._waiting.move_to_end(who)

    def _next(self) -> Hashable | None:
        """The first caller who may and has somebody waiting who has not left meanwhile."""
        for who, waiting in list(self._waiting.items()):
            while waiting and waiting[0].cancelled():
                waiting.popleft()
            if not waiting:
                del self._waiting[who]
            elif self._doing[who] < self._line.each_at_once:
                return who
        return None


def _less(counts: Counter[Hashable], who: Hashable) -> None:
    """Nobody is remembered who is not there."""
    counts[who] -= 1
    if not counts[who]:
        del counts[who]
