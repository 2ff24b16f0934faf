"""Faults of the line between one process and one server."""

from __future__ import annotations

import asyncio

from tests.faults.chaos.plan import Fault
from tests.faults.chaos.stage import Stage


async def cut(stage: Stage, fault: Fault) -> None:
    stage.lines[fault.target].cut()


async def refuse(stage: Stage, fault: Fault) -> None:
    """Cut, and no new connection."""
    line = stage.lines[fault.target]
    line.refuses = True
    line.cut()
    await asyncio.sleep(fault.seconds)
    line.refuses = False


async def delay(stage: Stage, fault: Fault) -> None:
    line = stage.lines[fault.target]
    line.delay = 0.02 + 0.3 * fault.chance
    await asyncio.sleep(fault.seconds)
    line.delay = 0.0


async def blackhole(stage: Stage, fault: Fault) -> None:
    """Nothing comes through; afterwards everything does, whoever still waits for it."""
    line = stage.lines[fault.target]
    line.asks.clear()
    line.answers.clear()
    await asyncio.sleep(fault.seconds)
    line.asks.set()
    line.answers.set()


async def hold_answers(stage: Stage, fault: Fault) -> None:
    """What is asked is done, and nobody hears of it in time. Then the connections break."""
    line = stage.lines[fault.target]
    line.answers.clear()
    await asyncio.sleep(fault.seconds)
    line.cut()
    line.answers.set()


async def lose_answers(stage: Stage, fault: Fault) -> None:
    """The next answers end their connections instead of arriving."""
    line = stage.lines[fault.target]
    line.lose_answers(1 + int(fault.chance * 4))
    await asyncio.sleep(fault.seconds)
    line.lose_answers(0)
