"""`milepost maintain`: rescues, times out, rings again, prunes, seals. Any number of copies; one leads."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from importlib import import_module

import typer

from milepost.cli.found import DataDir, settings_of
from milepost.cli.process import open_tested, ready, run_process
from milepost.cli.sealing import open_sealer
from milepost.cli.starting import patiently
from milepost.db.tenants import TenantDatabase, Tenants
from milepost.observe import serve_metrics
from milepost.settings import Settings
from milepost.tenancy.directory import Directory

logger = logging.getLogger("milepost.maintenance")

# by name: what is done stands above the command line in the house
WORK = "workers.maintenance"


def register(app: typer.Typer) -> None:
    app.command()(maintain)


def maintain(data_dir: DataDir = None) -> None:
    """Run maintenance until it is told to stop."""
    settings = settings_of(data_dir)
    run_process(settings, _maintain(settings))


async def _maintain(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        runtime = await patiently(partial(open_tested, settings, "maintenance"), stack)
        if runtime is None:
            return
        desk = await stack.enter_async_context(open_sealer(settings, runtime.directory, runtime.installation))
        if settings.metrics_port is not None:
            serve_metrics(settings.metrics_port)
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        ready()
        await import_module(WORK).run(
            lambda: open_tenants(runtime.directory, runtime.tenants),
            runtime.kinds,
            runtime.doorbell,
            runtime.store,
            instance=runtime.instance,
            stop=stop,
            more=desk.ticks,
        )


async def open_tenants(directory: Directory, tenants: Tenants) -> Sequence[TenantDatabase]:
    """The databases of all active tenants that can be opened; the others are logged, and tried in the next round."""
    found: list[TenantDatabase] = []
    for tenant in await directory.tenants():
        try:
            found.append(await tenants.database(tenant))
        except Exception as error:  # noqa: BLE001 - whatever it was, it is this tenant's trouble alone
            logger.warning("tenant %s is not maintained, will be tried again: %r", tenant, error)
    return found
