"""Whose turn it is: in fair order, bounded, and nobody waits for one caller alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from milepost.domain.errors import LineFull
from milepost.engine.turns import Line, Turns


@dataclass(eq=False)
class Work:
    """What waits for its turn, and then until it may end."""

    log: list[str]
    name: str
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, turns: Turns, who: str) -> None:
        async with turns.turn(who):
            self.log.append(self.name)
            await self.may_end.wait()


async def settled() -> None:
    """Until everybody who can go on has done so."""
    for _ in range(20):
        await asyncio.sleep(0)


def started(turns: Turns, log: list[str], who: str, count: int) -> tuple[list[Work], Sequence[asyncio.Task[Any]]]:
    works = [Work(log, f"{who}{number}") for number in range(count)]
    return works, [asyncio.create_task(work.run(turns, who)) for work in works]


async def end(works: Sequence[Work], tasks: Sequence[asyncio.Task[Any]]) -> None:
    for work in works:
        work.may_end.set()
    await asyncio.gather(*tasks, return_exceptions=True)


def line(*, at_once: int = 2, each_at_once: int = 1, each: int = 8, most: int = 64) -> Turns:
    return Turns(Line("things", at_once=at_once, each_at_once=each_at_once, each=each, all=most))


async def test_whoever_comes_alone_need_not_wait_for_a_caller_of_many() -> None:
    turns, log = line(), list[str]()
    many, tasks = started(turns, log, "a", 8)
    await settled()

    one, more = started(turns, log, "b", 1)
    await settled()

    assert log == ["a0", "b0"]
    await end([*many, *one], [*tasks, *more])


async def test_callers_are_called_in_turn_and_each_ones_own_in_order() -> None:
    turns, log = line(at_once=1), list[str]()
    a, a_tasks = started(turns, log, "a", 3)
    b, b_tasks = started(turns, log, "b", 2)
    c, c_tasks = started(turns, log, "c", 1)
    await settled()

    await end([*a, *b, *c], [*a_tasks, *b_tasks, *c_tasks])

    assert log == ["a0", "b0", "c0", "a1", "b1", "a2"]


async def test_no_more_than_may_are_at_it_at_once() -> None:
    turns, log = line(at_once=3, each_at_once=2), list[str]()
    a, a_tasks = started(turns, log, "a", 4)
    b, b_tasks = started(turns, log, "b", 4)
    await settled()

    assert sorted(log) == ["a0", "a1", "b0"]
    assert turns.counts["at work"] == 3
    await end([*a, *b], [*a_tasks, *b_tasks])
    assert len(log) == 8


async def test_who_leaves_while_waiting_is_passed_over() -> None:
    turns, log = line(at_once=1), list[str]()
    works, tasks = started(turns, log, "a", 3)
    await settled()

    tasks[1].cancel()
    works[0].may_end.set()
    await settled()

    assert log == ["a0", "a2"]
    await end(works, tasks)


async def test_who_is_called_and_leaves_at_the_same_time_holds_nobody_up() -> None:
    turns, log = line(at_once=1), list[str]()
    works, tasks = started(turns, log, "a", 3)
    await settled()

    works[0].may_end.set()
    while not tasks[0].done():  # noqa: ASYNC110 - at once, before the next one notices
        await asyncio.sleep(0)
    tasks[1].cancel()
    await settled()

    assert log[-1] == "a2"
    await end(works, tasks)
    assert turns.counts == {"there": 0, "at work": 0}


async def test_an_end_by_an_error_ends_the_turn() -> None:
    turns = line(at_once=1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            async with turns.turn("a"):
                raise RuntimeError

    assert turns.counts == {"there": 0, "at work": 0}


def test_each_caller_has_so_many_places_and_all_together_so_many() -> None:
    turns = line(each=2, most=3)
    with ExitStack() as there:
        there.enter_context(turns.place("a"))
        there.enter_context(turns.place("a"))
        with pytest.raises(LineFull, match="2 things of this caller"):
            there.enter_context(turns.place("a"))
        there.enter_context(turns.place("b"))
        with pytest.raises(LineFull, match="3 things are in hand"):
            there.enter_context(turns.place("c"))

    with turns.place("a"):
        assert turns.counts["there"] == 1


async def test_nobody_is_remembered_who_is_not_there() -> None:
    turns = line()
    for who in range(1000):
        with turns.place(who):
            async with turns.turn(who):
                pass

    assert (len(turns._there), len(turns._doing)) == (0, 0)
    async with turns.turn("last"):
        assert len(turns._waiting) <= 1
