"""`milepost worker KIND…`: runs jobs until it is told to stop."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import Annotated

import typer

from milepost.cli.found import DataDir, settings_of
from milepost.cli.process import open_tested, ready, run_process
from milepost.cli.starting import patiently
from milepost.kinds import find_kind
from milepost.observe import serve_metrics
from milepost.settings import Settings
from milepost.wiring import open_worker


def register(app: typer.Typer) -> None:
    app.command()(worker)


def worker(
    kinds: Annotated[list[str], typer.Argument(metavar="KIND…", help="Kinds to work, like: executions")],
    *,
    burst: Annotated[bool, typer.Option("--burst", help="Stop when nothing is left to do.")] = False,
    max_jobs: Annotated[int | None, typer.Option(min=1, max=10_000, help="Jobs at a time.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Run a worker. SIGTERM lets running jobs end; a second one hands them back at once."""
    settings = settings_of(data_dir, max_jobs=max_jobs)
    run_process(settings, _work(settings, kinds, burst=burst))


async def _work(settings: Settings, kinds: list[str], *, burst: bool) -> None:
    for path in kinds:
        find_kind(path)  # a name that is none is told at once, whatever the servers do
    async with AsyncExitStack() as stack:
        opens = partial(open_tested, settings, "worker")
        # in burst mode somebody waits for its end
        runtime = await (opens(stack) if burst else patiently(opens, stack))
        if runtime is None:
            return
        made = await stack.enter_async_context(open_worker(runtime, kinds, burst=burst))
        if settings.metrics_port is not None:
            serve_metrics(settings.metrics_port)
        ready()
        await made.async_run()
