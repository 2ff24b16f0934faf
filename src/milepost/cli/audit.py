"""`milepost audit …`: checks the sealed audit logs, proves a job's rows, shows the public key."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from milepost.cli import exits
from milepost.cli.database import open_tenant, whole_id_in
from milepost.cli.found import AsJson, DataDir, settings_of
from milepost.cli.output import complain, print_json, say
from milepost.cli.sealing import anchors, open_control, public_key_lines, public_keys, signing_key, veil
from milepost.cli.terminal import counter, group
from milepost.db.seals import ANCHORS_BEGUN, CONTROL, tell
from milepost.db.tenants import TenantDatabase
from milepost.domain.api_key import DEFAULT_TENANT
from milepost.domain.checkpoint import parse_checkpoint, parse_note
from milepost.domain.errors import ConfigurationError, Unreadable
from milepost.engine.audit.check import Seen, check_audit
from milepost.engine.audit.epoch import Restored, begin_epoch
from milepost.engine.audit.prove import plain, prove
from milepost.engine.audit.report import AuditReport, Tampered
from milepost.engine.audit.rows import Veiled
from milepost.engine.seal import Log, Sealer
from milepost.engine.verify import Report, verify
from milepost.kinds import all_kinds
from milepost.settings import Settings
from milepost.storage.anchors import AnchorFiles, notes_in
from milepost.tenancy.directory import Directory
from milepost.tenancy.signing import PublicKeys, read_public_keys
from milepost.wiring import master_key

audit = group("The sealed audit log: check it, prove rows of it, show its key.")


def register(app: typer.Typer) -> None:
    app.add_typer(audit, name="audit")


@audit.command("verify")
def verify_(
    *,
    public_key: Annotated[Path | None, typer.Option(help="File of public keys. [default: the settings']")] = None,
    anchor_folder: Annotated[
        Path | None,
        typer.Option("--anchors", exists=True, file_okay=False, help="Folder of anchors. [default: the settings']"),
    ] = None,
    at_least: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Checkpoints that were kept elsewhere, and must be in the log."),
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Prove that no audit row was altered, taken away or slipped in, and that jobs tell the same. Exits 1 otherwise."""
    settings = settings_of(data_dir)
    keys = read_public_keys(public_key) if public_key else public_keys(settings)
    where = AnchorFiles(anchor_folder) if anchor_folder else anchors(settings)
    report, history = asyncio.run(_verify(settings, keys, where, _kept(at_least)))
    if as_json:
        print_json(
            {"clean": report.clean and history.clean, **asdict(report), "wrong": _named(report), **_told(history)}
        )
    else:
        _show(report, history)
    if not (report.clean and history.clean):
        count = report.wrong_count + history.wrong_count + len(history.guards)
        raise exits.Exit(exits.FAILED, f"{count} things are not as they were sealed.")


def _kept(file: Path | None) -> dict[str, list[str]]:
    """Signed notes in a file, by the log that they say they are of. Their signatures are the check's to judge."""
    found: dict[str, list[str]] = {}
    try:
        for note in notes_in(file.read_bytes()) if file else ():
            log = parse_checkpoint(parse_note(note).text).origin.rpartition("/")[2]
            found.setdefault(log, []).append(note)
    except (OSError, ValueError):
        hint = "It holds one checkpoint as it was signed, or lines of an anchors' file."
        raise exits.Exit(exits.USAGE, f"{file} holds something that is no checkpoint.", hint=hint) from None
    if others := found.keys() - {DEFAULT_TENANT, CONTROL}:
        hint = f"Checked are the logs {DEFAULT_TENANT} and {CONTROL}."
        raise exits.Exit(exits.USAGE, f"{file} is of the log {min(others)}, which is not checked.", hint=hint)
    return found


async def _verify(
    settings: Settings, keys: PublicKeys, where: AnchorFiles, kept: Mapping[str, Sequence[str]]
) -> tuple[AuditReport, Report]:
    with counter() as progress:
        task = progress.add_task("verifying")

        def tell(report: AuditReport) -> None:
            seals, rows = (sum(getattr(log, name) for log in report.logs) for name in ("seals", "rows"))
            progress.update(task, description=f"{seals:,} seals, {rows:,} audit rows")

        def tell_history(report: Report) -> None:
            progress.update(task, description=f"{report.jobs:,} jobs, {report.transitions:,} transitions")

        async with _opened(settings) as (control, tenant, directory):
            known, fault = await names_of(directory) if _has_master_key(settings) else (None, "")
            logs = [Seen(tenant.name, tenant, known, fault), Seen(CONTROL, control)]
            installation = await directory.installation()
            report = await check_audit(
                control, logs, keys, where, installation=installation, kept=kept, on_progress=tell
            )
            with suppress(ConfigurationError, Unreadable):  # the check itself reads the same table, and has named it
                report.unchecked = [name for name in await directory.tenants() if name != tenant.name]
            return report, await verify(tenant, all_kinds(), tell_history)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncGenerator[tuple[TenantDatabase, TenantDatabase, Directory]]:
    """The control database, the tenant's, and the directory. The master key is only used where it is there."""
    async with open_control(settings) as control, open_tenant(settings) as tenant:
        key = master_key(settings) if _has_master_key(settings) else b""
        yield control, tenant, Directory(control.connections, key, known={}, environment=os.environ.get)


def _has_master_key(settings: Settings) -> bool:
    return settings.master_key is not None or (settings.master_key_file or settings.data_dir / "master.key").exists()


async def names_of(directory: Directory) -> tuple[Veiled | None, str]:
    """How the tenant's names look as copies, or what is wrong with its key: a finding, and not the end of a check."""
    try:
        return await veil(directory, DEFAULT_TENANT), ""
    except KeyError:
        return None, "the control database knows no such tenant, and so has no key to its pseudonyms"
    except (ConfigurationError, Unreadable) as error:
        return None, f"pseudonyms cannot be checked one by one. {error} {error.hint or ''}".rstrip()


def _show(report: AuditReport, history: Report) -> None:
    for log in report.logs:
        say(
            f"{log.log:<10} {log.leaves:,} rows sealed in {log.seals:,} seals, {log.anchors:,} anchors,"
            f" {log.unsealed:,} not sealed yet"
        )
        if log.epochs > 1 or log.copies_alone:
            say(
                f"{'':<10} {log.epochs} epochs: restores took back {log.copies_alone:,} rows, which live on as copies alone"
            )
        if not log.names_checked:
            say(f"{'':<10} without the master key, pseudonyms are only checked for being the same everywhere")
    say(f"{history.jobs:,} jobs, {history.transitions:,} transitions, {history.audit_rows:,} audit rows")
    for name in report.unchecked:
        say(f"{name:<10} is a tenant with a database of its own, which was not checked")
    for problem in history.guards:
        complain(problem)
    for found in report.wrong:
        complain(_line(found))
    for wrong in history.wrong:
        version = "" if wrong.version is None else f" version {wrong.version}"
        complain(f"{wrong.kind} {wrong.job_id}{version}: {wrong.what}")
    if more := report.wrong_count - len(report.wrong) + history.wrong_count - len(history.wrong):
        complain(f"and {more:,} more")
    if report.clean and history.clean:
        say("Everything is as it was sealed.")


def _line(found: Tampered) -> str:
    places = {"row": found.row, "leaf": found.leaf, "seal": found.seal}
    where = ",".join(f" {name} {number}" for name, number in places.items() if number is not None)
    about = f" ({found.about})" if found.about else ""
    return f"{found.log}{where}{about}: {found.what}"


def _named(report: AuditReport) -> list[dict[str, Any]]:
    return [found._asdict() for found in report.wrong]


def _told(history: Report) -> dict[str, Any]:
    return {
        "history": {
            "jobs": history.jobs,
            "transitions": history.transitions,
            "audit_rows": history.audit_rows,
            "wrong_count": history.wrong_count,
            "wrong": [wrong._asdict() for wrong in history.wrong],
            "guards": history.guards,
        }
    }


@audit.command("prove")
def prove_(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's id, whole or the end of it that lists show.")],
    *,
    out: Annotated[Path | None, typer.Option(help="File to write. [default: standard output]")] = None,
    data_dir: DataDir = None,
) -> None:
    """Write a proof, as JSON, that the job's audit rows are sealed. docs/check_audit_proof.py checks it offline."""
    if not job.isprintable():  # bytes that are no UTF-8 come as halves of characters
        raise exits.Exit(exits.USAGE, "That is no job's id.", hint="'milepost jobs list' shows them.")
    proof = plain(asyncio.run(_prove(settings_of(data_dir), job)))
    if out is None:
        print_json(proof)
    else:
        _write(out, json.dumps(proof, indent=2, ensure_ascii=False) + "\n")
        say(f"{len(proof['rows'])} rows of {job} are proven in {out}.")


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        hint = "--out names a file in a folder that is there."
        raise exits.Exit(exits.USAGE, f"{out} cannot be written: {error.strerror}.", hint=hint) from None


async def _prove(settings: Settings, job: str) -> Any:
    async with _opened(settings) as (control, tenant, directory):
        whole = await whole_id_in(tenant, job)
        return await prove(control, DEFAULT_TENANT, whole, installation=await directory.installation())


@audit.command("key")
def key(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show the public key that checks the seals, as C2SP writes it. Keep a copy away from the servers."""
    lines = public_key_lines(settings_of(data_dir))
    if as_json:
        print_json({"public_keys": lines})
    else:
        say("\n".join(lines))


@audit.command("restored")
def restored(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """After a backup of the tenant's database was restored: check it against the seals, and go on in a new epoch."""
    begun = asyncio.run(_restored(settings_of(data_dir)))
    if as_json:
        print_json(begun._asdict())
    else:
        say(
            f"Epoch {begun.epoch} begins behind row {begun.after_id}; {begun.lost:,} sealed rows live on as copies alone."
        )


async def _restored(settings: Settings) -> Restored:
    async with _sealing(settings) as (sealer, control, log):
        return await begin_epoch(sealer, control, log, actor=_actor())


@audit.command("reanchor")
def reanchor(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """After the anchors were lost: begin them again with the last seal of each log. The log itself tells of it."""
    begun = asyncio.run(_reanchor(settings_of(data_dir)))
    if as_json:
        print_json(begun)
    else:
        for name, number in begun.items():
            say(
                f"{name}: "
                + ("anchors are there, or nothing is sealed" if number is None else f"begins at seal {number}")
            )


async def _reanchor(settings: Settings) -> dict[str, int | None]:
    async with _sealing(settings) as (sealer, control, log):
        begun = {each.name: await sealer.anchor_anew(each) for each in (log, Log(CONTROL, control))}
        for name, number in begun.items():
            if number is not None:
                await tell(log.database, ANCHORS_BEGUN, name, {"seal": number}, actor=_actor())
        return begun


@asynccontextmanager
async def _sealing(settings: Settings) -> AsyncGenerator[tuple[Sealer, TenantDatabase, Log]]:
    async with open_control(settings) as control, open_tenant(settings, "maintenance") as tenant:
        known = Directory(control.connections, master_key(settings), known={}, environment=os.environ.get)
        installation = await known.installation()
        sealer = Sealer(control, signing_key(settings), anchors(settings), installation=installation)
        yield sealer, control, Log(tenant.name, tenant, await veil(known, DEFAULT_TENANT))


def _actor() -> str:
    return f"cli:{os.getuid()}"
