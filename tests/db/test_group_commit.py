"""Calls that come together share a flush, and nothing waits for ever."""

from __future__ import annotations

from collections.abc import Sequence

from milepost.db.group_commit import GroupCommit


async def echo(items: Sequence[int]) -> list[int]:
    return list(items)


async def test_a_group_whose_callers_all_gave_up_is_drained() -> None:
    group: GroupCommit[int, int] = GroupCommit(echo)
    group.put(1).cancel()

    await group.drain()

    assert await group.put(2) == 2
