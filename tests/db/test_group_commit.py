"""Calls that come together share a flush, and nothing waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from milepost.db.group_commit import GroupCommit
from milepost.ownership import OWNER


async def echo(items: Sequence[int]) -> list[int]:
    return list(items)


async def test_a_group_whose_callers_all_gave_up_is_drained() -> None:
    group: GroupCommit[int, int] = GroupCommit(echo)
    group.put(1).cancel()

    await group.drain()

    assert await group.put(2) == 2


class Somebody:
    """Whose code a task may run."""

    ending = False
    task: asyncio.Task[Any] | None = None

    def __init__(self) -> None:
        self.deeds: list[str] = []

    def child_ended(self, task: asyncio.Task[Any]) -> None: ...

    def meddled(self, deed: str) -> None:
        self.deeds.append(deed)


async def test_one_caller_cannot_cancel_what_is_done_for_all() -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(items: Sequence[int]) -> list[int]:
        begun.set()
        await go.wait()
        return list(items)

    group: GroupCommit[int, int] = GroupCommit(slow)
    somebody = Somebody()

    async def cancel_the_flush() -> None:
        OWNER.set(somebody)
        group.put(1)  # the flush begins in this one's name
        await begun.wait()
        for task in group._busy:
            task.cancel()

    neighbour = group.put(2)
    await asyncio.create_task(cancel_the_flush())
    go.set()

    assert await neighbour == 2
    assert somebody.deeds == ["cancelled a task that is not its own"]


async def test_another_event_loop_is_refused_and_spoils_no_group() -> None:
    group: GroupCommit[int, int] = GroupCommit(echo)
    neighbour = group.put(1)

    async def elsewhere() -> None:
        await group.put(2)

    with pytest.raises(RuntimeError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, elsewhere())

    assert await neighbour == 1
