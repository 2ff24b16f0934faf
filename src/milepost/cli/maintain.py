"""`milepost maintain`: rescues, times out, rings again, prunes. Any number of copies; one leads."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from importlib import import_module

import typer

from milepost.cli.found import DataDir, settings_of
from milepost.cli.process import ready, run_process, self_test
from milepost.db.tenants import TenantDatabase
from milepost.settings import Settings
from milepost.wiring import Runtime, open_runtime

# by name: what is done stands above the command line in the house
WORK = "workers.maintenance"


def register(app: typer.Typer) -> None:
    app.command()(maintain)


def maintain(data_dir: DataDir = None) -> None:
    """Run maintenance until it is told to stop."""
    settings = settings_of(data_dir)
    run_process(settings, _maintain(settings))


async def _maintain(settings: Settings) -> None:
    async with open_runtime(settings, "maintenance") as runtime:
        await self_test(runtime)
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        ready()
        await import_module(WORK).run(
            lambda: _databases(runtime),
            runtime.kinds,
            runtime.doorbell,
            runtime.store,
            instance=runtime.instance,
            stop=stop,
        )


async def _databases(runtime: Runtime) -> Sequence[TenantDatabase]:
    return [await runtime.tenants.database(tenant) for tenant in await runtime.directory.tenants()]
