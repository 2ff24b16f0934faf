"""The loop of maintenance: many ticks, each at its own pace, for every tenant that this process leads."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from milepost.db import sweeps
from milepost.db.tenants import TenantDatabase
from milepost.engine import prune
from milepost.engine.inactive import end_inactive
from milepost.engine.kind import Kind
from milepost.engine.lead import Lead
from milepost.engine.overdue import overdue, stray
from milepost.engine.ports import Doorbell, Files
from milepost.engine.reconcile import Reconcile
from milepost.engine.rescue import rescue

logger = logging.getLogger("milepost.maintenance")

DUTY = "maintenance"
ANALYZE_FROM = 500


@dataclass(frozen=True, slots=True)
class Tick:
    """Something to be done every so many seconds. `run` answers how many it handled."""

    name: str
    every: float
    run: Callable[[], Awaitable[int]]


@dataclass(slots=True)
class Upkeep:
    """What maintenance did since it began, for metrics and tests: what it handled and how often it failed."""

    handled: Counter[str] = field(default_factory=Counter[str])
    errors: Counter[str] = field(default_factory=Counter[str])


def ticks(
    database: TenantDatabase, kinds: Sequence[Kind], doorbell: Doorbell, store: Files, *, actor: str
) -> list[Tick]:
    """A tenant's duties."""
    found = [tick for kind in kinds for tick in _ticks_of(database, kind, doorbell, store, actor)]
    return [
        *found,
        Tick("analyze", 15, lambda: _analyze(database)),
        Tick("prune sign-ins", 3600, lambda: prune.prune_sign_ins(database)),
        Tick("prune callbacks", 3600, lambda: prune.prune_callbacks(database)),
    ]


def _ticks_of(database: TenantDatabase, kind: Kind, doorbell: Doorbell, store: Files, actor: str) -> list[Tick]:
    reconcile = Reconcile(database, kind, doorbell)
    return [
        Tick(f"rescue {kind.path}", 2, lambda: rescue(database, kind, doorbell, actor=actor)),
        Tick(f"time out {kind.path}", 5, lambda: overdue(database, kind, doorbell, actor=actor)),
        Tick(f"reconcile {kind.path}", 5, reconcile.tick),
        Tick(f"end inactive users' {kind.path}", 10, lambda: end_inactive(database, kind, doorbell, actor=actor)),
        Tick(f"find stray {kind.path}", 3600, lambda: stray(database, kind, doorbell, actor=actor)),
        Tick(f"prune {kind.path}", 600, lambda: prune.prune_jobs(database, kind, store, actor=actor)),
        Tick(
            f"prune artifacts of {kind.path}", 3600, lambda: prune.prune_artifacts(database, kind, store, actor=actor)
        ),
        Tick(f"sweep files of {kind.path}", 6 * 3600, lambda: prune.sweep_files(database, kind, store)),
        *(Tick(chore.name, chore.every, partial(chore.run, database)) for chore in kind.chores),
    ]


async def _analyze(database: TenantDatabase) -> int:
    return len(await sweeps.analyze_new(database, from_rows=ANALYZE_FROM))


async def maintain(lead: Lead, duties: Sequence[Tick], stop: asyncio.Event, *, upkeep: Upkeep | None = None) -> None:
    """Does one tenant's duties while we lead it, until `stop` is set. Never raises what a tick raised.

    Every tick has a task of its own: a slow one, or a database that is away, delays no other.
    """
    upkeep = upkeep or Upkeep()
    loops = [_keep(Tick("lead", lead.seconds / 3, lambda: _hold(lead)), _always, stop, upkeep)]
    loops += [_keep(tick, lambda: lead.leads, stop, upkeep) for tick in duties]
    try:
        await asyncio.gather(*loops)
    finally:
        with suppress(Exception):
            async with asyncio.timeout(2):
                await lead.release()


def _always() -> bool:
    return True


async def _hold(lead: Lead) -> int:
    led = lead.leads
    if await lead.hold() and not led:
        logger.info("this process leads maintenance now (term %s)", lead.term)
    return 0


async def _keep(tick: Tick, allowed: Callable[[], bool], stop: asyncio.Event, upkeep: Upkeep) -> None:
    """The one loop. The tick's own time counts, so that a slow one does not stretch its rhythm."""
    loop, failing = asyncio.get_running_loop(), False
    while not stop.is_set():
        begun = loop.time()
        if allowed():
            failing = await _run(tick, upkeep, failing=failing)
        elif not stop.is_set():
            await _rest(stop, min(tick.every, 1.0))
            continue
        await _rest(stop, max(tick.every - (loop.time() - begun), tick.every / 10))


async def _run(tick: Tick, upkeep: Upkeep, *, failing: bool) -> bool:
    """Whether it failed. `failing`: it did the last time."""
    try:
        handled = await tick.run()
    except Exception as error:
        upkeep.errors[tick.name] += 1
        # the first of a row says it all; an outage must not fill the disk
        logger.log(logging.WARNING, "%s failed, will be tried again: %s", tick.name, error, exc_info=not failing)
        return True
    if handled:
        upkeep.handled[tick.name] += handled
        logger.info("%s: %d", tick.name, handled)
    return False


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
