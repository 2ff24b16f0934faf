"""Coalesces concurrent awaits into one flush, without timers: while one flush is in flight the next gathers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from milepost.ownership import house_task

T = TypeVar("T")
R = TypeVar("R")


class GroupCommit(Generic[T, R]):
    """Callers `put` one item each; `flush` gets many at once and answers one result or exception per item, in order.

    A first lane starts at once. A further lane starts only when `spill` items wait, so that groups grow under load
    instead of splitting into many small ones. A flush that raises fails all its items with that exception.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        *,
        max_size: int = 500,
        lanes: int = 2,
        spill: int = 64,
    ) -> None:
        self._flush = flush
        self._max_size = max_size
        self._lanes = lanes
        self._spill = spill
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._busy: set[asyncio.Task[None]] = set()
        self._scheduled = False

    def put(self, item: T) -> asyncio.Future[R]:
        """The answer to come. Awaiting it raises what the flush answered for the item.

        Raises RuntimeError in another event loop than the one in which it was used before.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._move_to(loop)
        future: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, future))
        if not self._scheduled and self._may_start():
            self._scheduled = True
            loop.call_soon(self._start)
        return future

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """A group of two loops would be flushed by one of them, and the other's callers never hear of it."""
        if self._loop is not None and not self._loop.is_closed():
            raise RuntimeError(
                "This belongs to another event loop. From a thread: asyncio.run_coroutine_threadsafe(…, loop)."
            )
        self._loop = loop

    async def drain(self) -> None:
        """Waits until nothing is in flight and nothing waits."""
        while self._busy or self._waiting:
            if not self._busy:
                self._start()
            if self._busy:  # what waited may all have given up
                await asyncio.wait(self._busy)

    def _may_start(self) -> bool:
        return not self._busy or (len(self._busy) < self._lanes and len(self._waiting) >= self._spill)

    def _start(self) -> None:
        self._scheduled = False
        while self._waiting and self._may_start():
            group = self._take()
            if group:
                # of many callers: one of them, in whose name this runs, must not be able to cancel it
                self._busy.add(house_task(self._run(group)))

    def _take(self) -> list[tuple[T, asyncio.Future[R]]]:
        group: list[tuple[T, asyncio.Future[R]]] = []
        while self._waiting and len(group) < self._max_size:
            entry = self._waiting.popleft()
            if not entry[1].done():  # its caller gave up before the flush began
                group.append(entry)
        return group

    async def _run(self, group: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._flush([item for item, _ in group])
            for (_, future), result in zip(group, results, strict=True):
                _settle(future, result)
        except BaseException as error:
            for _, future in group:
                _settle(future, error if isinstance(error, Exception) else asyncio.CancelledError())
            if not isinstance(error, Exception):
                raise
        finally:
            task = asyncio.current_task()
            if task is not None:
                self._busy.discard(task)
            self._start()


def _settle(future: asyncio.Future[R], result: R | BaseException) -> None:
    if future.done():
        return
    if isinstance(result, asyncio.CancelledError):
        future.cancel()
    elif isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)


async def isolate(
    items: Sequence[T], run: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]], splits: type[Exception]
) -> list[R | Exception]:
    """Runs a group; if it raises `splits`, runs its halves, down to the single item that is at fault."""
    try:
        return list(await run(items))
    except splits as error:
        if len(items) == 1:
            return [error]
    half = len(items) // 2
    return [*await isolate(items[:half], run, splits), *await isolate(items[half:], run, splits)]
