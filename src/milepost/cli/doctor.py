"""`milepost doctor`: looks at everything a stack rests on and says what to mend."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import typer

from milepost.cli import exits
from milepost.cli.checks import Finding, examine
from milepost.cli.found import AsJson, DataDir, settings_of
from milepost.cli.output import print_json, say
from milepost.cli.terminal import out, styled

SIGNS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Check servers, versions, roles, guards, migrations, storage, providers. Exits 1 if something must be mended."""
    findings = asyncio.run(examine(settings_of(data_dir)))
    if as_json:
        print_json({"healthy": not _failed(findings), "findings": [asdict(finding) for finding in findings]})
    else:
        _show(findings)
    if failed := _failed(findings):
        raise exits.Exit(exits.FAILED, f"{len(failed)} of {len(findings)} checks failed.")


def _failed(findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.result == "fail"]


def _show(findings: list[Finding]) -> None:
    for finding in findings:
        out.print(styled(*SIGNS[finding.result]).append_text(styled(f" {finding.what:<12} {finding.told}")))
        if finding.mend:
            say(f"     {'':<12} → {finding.mend}")
