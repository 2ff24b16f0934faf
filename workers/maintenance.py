"""Maintenance: rescues, times out, rings again, prunes, for every tenant it leads. Runs in as many copies as you like."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from milepost.db.tenants import TenantDatabase
from milepost.engine.kind import Kind
from milepost.engine.lead import Lead
from milepost.engine.maintain import DUTY, Tick, Upkeep, maintain, ticks
from milepost.engine.ports import Doorbell, Files

logger = logging.getLogger("milepost.maintenance")

GRACE = 10.0


async def run(
    databases: Callable[[], Awaitable[Sequence[TenantDatabase]]],
    kinds: Sequence[Kind],
    doorbell: Doorbell,
    store: Files,
    *,
    instance: str,
    stop: asyncio.Event,
    more: Callable[[TenantDatabase], Sequence[Tick]] = lambda _: (),
    look_every: float = 30.0,
    lease_seconds: float = 6.0,
    upkeep: Upkeep | None = None,
) -> None:
    """Maintains all tenants until `stop` is set; running ticks then have ten seconds to end.

    `databases` is asked again and again, so that a tenant made meanwhile is served: those of the maintenance role, by
    name. `more` adds duties.
    """
    upkeep, running = upkeep or Upkeep(), dict[str, asyncio.Task[None]]()
    try:
        while not stop.is_set():
            await _welcome(databases, running, lambda database: maintain(
                Lead(database, DUTY, instance, seconds=lease_seconds),
                [*ticks(database, kinds, doorbell, store, actor=f"maintenance:{instance}"), *more(database)],
                stop,
                upkeep=upkeep,
            ))  # fmt: skip
            await _rest(stop, look_every)
    finally:
        await _end(running)


async def _welcome(
    databases: Callable[[], Awaitable[Sequence[TenantDatabase]]],
    running: dict[str, asyncio.Task[None]],
    begin: Callable[[TenantDatabase], Awaitable[None]],
) -> None:
    try:
        found = await databases()
    except Exception as error:  # noqa: BLE001 - the control database is away: tenants we know go on
        logger.warning("tenants could not be listed, will be tried again: %s", error)
        return
    for database in found:
        task = running.get(database.name)
        if task is None or task.done():
            running[database.name] = asyncio.ensure_future(begin(database))
    for name in set(running) - {database.name for database in found}:
        running.pop(name).cancel()


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    waiting = asyncio.ensure_future(stop.wait())
    await asyncio.wait({waiting}, timeout=seconds)
    waiting.cancel()


async def _end(running: dict[str, asyncio.Task[None]]) -> None:
    if not running:
        return
    _, late = await asyncio.wait(running.values(), timeout=GRACE)
    for task in late:
        task.cancel()
    await asyncio.gather(*running.values(), return_exceptions=True)
