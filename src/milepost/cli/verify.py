"""`milepost verify`: walks every row and proves the history."""

from __future__ import annotations

import asyncio
from typing import Any

import typer

from milepost.cli import exits
from milepost.cli.database import open_tenant
from milepost.cli.found import AsJson, DataDir, settings_of
from milepost.cli.output import complain, print_json, say
from milepost.cli.terminal import counter
from milepost.engine.verify import Report, verify
from milepost.kinds import all_kinds
from milepost.settings import Settings


def register(app: typer.Typer) -> None:
    app.command("verify")(verify_)


def verify_(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Prove every job's history: legal edges, no gap, one audit row each. Exits 1 if anything is wrong."""
    report = asyncio.run(_verify(settings_of(data_dir)))
    if as_json:
        print_json({"clean": report.clean, **_plain(report)})
    else:
        _show(report)
    if not report.clean:
        raise exits.Exit(exits.FAILED, f"{report.wrong_count + len(report.guards)} things do not hold.")


async def _verify(settings: Settings) -> Report:
    with counter() as progress:
        task = progress.add_task("verifying")

        def tell(report: Report) -> None:
            progress.update(task, description=f"{report.jobs:,} jobs, {report.transitions:,} transitions")

        async with open_tenant(settings) as database:
            return await verify(database, all_kinds(), tell)


def _show(report: Report) -> None:
    say(f"{report.jobs:,} jobs, {report.transitions:,} transitions, {report.audit_rows:,} audit rows")
    for problem in report.guards:
        complain(problem)
    for wrong in report.wrong:
        version = "" if wrong.version is None else f" version {wrong.version}"
        complain(f"{wrong.kind} {wrong.job_id}{version}: {wrong.what}")
    if report.wrong_count > len(report.wrong):
        complain(f"and {report.wrong_count - len(report.wrong):,} more")
    if report.clean:
        say("Everything holds: edges legal, versions gapless, one transition and one audit row each.")


def _plain(report: Report) -> dict[str, Any]:
    return {
        "jobs": report.jobs,
        "transitions": report.transitions,
        "audit_rows": report.audit_rows,
        "wrong_count": report.wrong_count,
        "wrong": [wrong._asdict() for wrong in report.wrong],
        "guards": report.guards,
    }
