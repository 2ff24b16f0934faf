"""Faults of PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

import asyncpg

from tests.faults import servers
from tests.faults.chaos import trigger
from tests.faults.chaos.plan import Fault
from tests.faults.chaos.stage import AWAY, NotDone, Stage

# of processes of the product only, those that do something first
BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE backend_type = 'client backend' AND datname = current_database() AND usename <> current_user
ORDER BY state = 'active' DESC, pid"""
MOST_TERMINATED = 6


async def crash(stage: Stage, fault: Fault) -> None:
    del fault
    await servers.crash_postgres(stage.site.ground)


async def terminate(stage: Stage, fault: Fault) -> None:
    """Up to six backends, each at another moment of its work."""
    ended = 0
    for _ in range(1 + int(fault.chance * MOST_TERMINATED)):
        sql = f"SELECT pg_terminate_backend(pid) FROM ({BACKENDS} OFFSET $1 LIMIT 1) AS one"
        pids = len(await stage.fetch(BACKENDS))
        ended += sum(row[0] for row in await stage.fetch(sql, int(fault.chance * pids)))
        await asyncio.sleep(0.1)
    if not ended:
        raise NotDone("there was no backend")


async def stop_backend(stage: Stage, fault: Fault) -> None:
    """The server's side of one connection stands still, with the locks it has."""
    pids = [row[0] for row in await stage.fetch(BACKENDS)]
    if not pids:
        raise NotDone("there was no backend")
    pid = pids[int(fault.chance * len(pids))]
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


async def fail_commits(stage: Stage, fault: Fault) -> None:
    # one draw for both: which state, and what is left of the draw for how often
    place, share = divmod(fault.chance * len(trigger.STATES), 1)
    state = trigger.STATES[int(place)]
    before = await stage.fetch(trigger.FAILED)
    await stage.fetch(trigger.SET, 0.05 + 0.4 * share, state)
    try:
        await asyncio.sleep(fault.seconds)
    finally:
        await stage.fetch(trigger.SET, 0.0, state)
    if await stage.fetch(trigger.FAILED) == before:
        raise NotDone("no commit failed")


async def lock_table(stage: Stage, fault: Fault) -> None:
    """As a careless migration does it."""
    table = ("executions", "image_tasks")[int(fault.chance * 2)]
    connection = await asyncpg.connect(stage.site.addresses.owner, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE", timeout=10)
            await asyncio.sleep(fault.seconds)
    finally:
        with suppress(*AWAY):
            await connection.close(timeout=2)
