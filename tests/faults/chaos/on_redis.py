"""Faults of Redis and of bells."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from typing import Any
from uuid import UUID

from milepost.domain.bell import Bell
from milepost.queue.connection import connect
from tests.faults import servers
from tests.faults.chaos.plan import Fault
from tests.faults.chaos.stage import NotDone, Stage
from tests.faults.invariants import JOBS

RUNG_AGAIN = 60
FULL = "errorstat_OOM"
VERSIONS = f"SELECT j.kind, j.id, j.version FROM {JOBS} j WHERE j.id = ANY ($1::uuid[])"


async def flush(stage: Stage, fault: Fault) -> None:
    del fault
    if not await _command(stage, "DBSIZE"):
        raise NotDone("Redis was empty")
    await _command(stage, "FLUSHALL")


async def kill(stage: Stage, fault: Fault) -> None:
    await servers.kill_redis(stage.site.ground, fault.seconds, forget=False)


async def empty(stage: Stage, fault: Fault) -> None:
    await servers.kill_redis(stage.site.ground, fault.seconds, forget=True)


async def hang(stage: Stage, fault: Fault) -> None:
    pid = stage.site.ground.redis.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        os.kill(pid, signal.SIGCONT)


async def pause(stage: Stage, fault: Fault) -> None:
    await _command(stage, "CLIENT", "PAUSE", int(fault.seconds * 1000), "ALL")
    await asyncio.sleep(fault.seconds)


async def fill(stage: Stage, fault: Fault) -> None:
    """Out of memory: it refuses every write."""
    before = await _command(stage, "INFO", "errorstats")
    await _command(stage, "CONFIG", "SET", "maxmemory", "1mb")
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        await _command(stage, "CONFIG", "SET", "maxmemory", "0")
    after = await _command(stage, "INFO", "errorstats")
    if before.get(FULL) == after.get(FULL):
        raise NotDone("Redis refused nothing")


async def _command(stage: Stage, *words: str | int) -> Any:
    """Raises what Redis or the way to it has against it."""
    client = connect(stage.site.ground.redis_url, timeout=10)
    try:
        return await client.execute_command(*words)
    finally:
        await client.aclose()


async def double_bells(stage: Stage, fault: Fault) -> None:
    """The bells of jobs as they are now, each three times."""
    await _ring(stage, [bell for bell in await _bells(stage, fault) for _ in range(3)])


async def stale_bells(stage: Stage, fault: Fault) -> None:
    """Every version that the jobs ever had and one that they never had, in any order."""
    bells = await _bells(stage, fault)
    every = [bell._replace(version=version) for bell in bells for version in range(1, bell.version + 2)]
    random.Random(fault.chance).shuffle(every)
    await _ring(stage, every)


async def _bells(stage: Stage, fault: Fault) -> list[Bell]:
    """Of new jobs and old ones, of every kind."""
    dice, ids = random.Random(fault.chance), set[UUID]()
    for kind in sorted({one.kind for one in stage.load.journal.promised if one.kind}):
        known = [one.id for one in stage.load.journal.promised if one.kind == kind]
        ids |= {*known[-RUNG_AGAIN:], *dice.sample(known, min(RUNG_AGAIN, len(known)))}
    rows = await stage.fetch(VERSIONS, list(ids))
    return [Bell(stage.site.database.name, row["kind"], row["id"], row["version"]) for row in rows]


async def _ring(stage: Stage, bells: list[Bell]) -> None:
    if not bells:
        raise NotDone("there was no job")
    if not await stage.site.doorbell.deliver(bells):
        raise NotDone("Redis was away")
