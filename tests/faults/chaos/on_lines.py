"""Faults of the line between one process and one server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.chaos.plan import Fault
from tests.faults.chaos.stage import NotDone, Stage
from tests.servers.proxy import Proxy


@contextmanager
def hindered(line: Proxy) -> Iterator[None]:
    """Raises NotDone where nothing met the fault meanwhile."""
    before = line.hindered
    yield
    if line.hindered == before:
        raise NotDone("nothing came along the line")


async def cut(stage: Stage, fault: Fault) -> None:
    line = stage.lines[fault.target]
    with hindered(line):
        line.cut()


async def refuse(stage: Stage, fault: Fault) -> None:
    """Cut, and no new connection."""
    line = stage.lines[fault.target]
    with hindered(line):
        line.refuses = True
        line.cut()
        await asyncio.sleep(fault.seconds)
        line.refuses = False


async def delay(stage: Stage, fault: Fault) -> None:
    line = stage.lines[fault.target]
    with hindered(line):
        line.delay = 0.02 + 0.3 * fault.chance
        await asyncio.sleep(fault.seconds)
        line.delay = 0.0


async def blackhole(stage: Stage, fault: Fault) -> None:
    """Nothing comes through; afterwards everything does, whoever still waits for it."""
    line = stage.lines[fault.target]
    with hindered(line):
        line.asks.clear()
        line.answers.clear()
        await asyncio.sleep(fault.seconds)
        line.asks.set()
        line.answers.set()


async def hold_answers(stage: Stage, fault: Fault) -> None:
    """What is asked is done, and nobody hears of it in time. Then the connections break."""
    line = stage.lines[fault.target]
    try:
        with hindered(line):
            line.answers.clear()
            await asyncio.sleep(fault.seconds)
    finally:
        line.cut()
        line.answers.set()


async def lose_answers(stage: Stage, fault: Fault) -> None:
    """The next answers end their connections instead of arriving."""
    line = stage.lines[fault.target]
    with hindered(line):
        line.lose_answers(1 + int(fault.chance * 4))
        await asyncio.sleep(fault.seconds)
        line.lose_answers(0)
