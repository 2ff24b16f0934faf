"""`milepost worker KIND…`: runs jobs until it is told to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from milepost.cli.found import DataDir, settings_of
from milepost.cli.process import ready, run_process, self_test
from milepost.observe import serve_metrics
from milepost.settings import Settings
from milepost.wiring import open_runtime, open_worker


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
    async with open_runtime(settings, "worker") as runtime:
        await self_test(runtime)
        async with open_worker(runtime, kinds, burst=burst) as made:
            if settings.metrics_port is not None:
                serve_metrics(settings.metrics_port)
            ready()
            await made.async_run()
