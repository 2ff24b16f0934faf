"""Whose code runs in the event loop: tasks of the house and tasks of one attempt, and who may cancel which.

A handler that cancels whatever it finds (`asyncio.all_tasks()`) reaches its own tasks and nobody else's.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from contextvars import ContextVar
from inspect import iscoroutine
from typing import Any, Protocol

logger = logging.getLogger("milepost.attempts")


class Owner(Protocol):
    """Whose work a task does. `ending`: its handler is over, and what became of it is being written."""

    ending: bool
    task: asyncio.Task[Any] | None

    def child_ended(self, task: asyncio.Task[Any]) -> None:
        """A task that was begun by the owner's code is over."""
        ...

    def meddled(self, deed: str) -> None:
        """The owner's code reached for what is not its own, and was refused."""
        ...


# of the code that runs: copied into every task and callback that it begins. None: the house's own
OWNER: ContextVar[Owner | None] = ContextVar("milepost_owner", default=None)


class OwnedTask(asyncio.Task[Any]):
    """A task that strangers cannot cancel. `owner` is None for the house's own."""

    owner: Owner | None = None

    def cancel(self, msg: Any | None = None) -> bool:
        caller = OWNER.get()
        if caller is None or self._is_for(caller):
            return super().cancel(msg)
        caller.meddled("cancelled a task that is not its own")
        return False

    def _is_for(self, caller: Owner) -> bool:
        owner = self.owner
        if owner is None:
            return False
        if owner is caller:  # its end is the house's work, which a task it left behind must not break off
            return self is not owner.task or not owner.ending
        return owner.ending and self is not owner.task


def house_task(work: Coroutine[Any, Any, Any]) -> OwnedTask:
    """A task that no handler can cancel, and that is begun in nobody's name: others' work may be in it."""
    return OwnedTask(work, loop=asyncio.get_running_loop(), context=contextvars.Context())


def owners_task(owner: Any, work: Coroutine[Any, Any, Any]) -> OwnedTask:
    """The one task that an owner's work is. What it sets in its context, the decimal context too, nobody else sees."""
    task = OwnedTask(work, loop=asyncio.get_running_loop(), context=contextvars.Context())
    task.owner = owner
    return task


def begin_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    """A loop's task factory: what a handler's code begins belongs to its attempt."""
    owner = OWNER.get()
    # the end of an async generator is begun by the collector, in whoever's name that comes along
    if owner is None or not iscoroutine(work):
        return asyncio.Task(work, loop=loop, **options)
    task = OwnedTask(work, loop=loop, **options)
    task.owner = owner
    task.add_done_callback(owner.child_ended)
    return task
