"""The start-up self test: the database refuses forgeries, every guard stands, and its legal edges are ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from milepost.db import proofs
from milepost.db.proofs import Role, Trigger
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import GuardsMissing
from milepost.engine.kind import Kind

ALWAYS = "A"
CONTROL_TABLES = ("audit_logs", "audit_seals")


@dataclass(frozen=True, slots=True)
class Guards:
    """What the self test found. `problems` stop a process; `too_strong` says what then rests on triggers alone."""

    problems: tuple[str, ...]
    too_strong: tuple[str, ...]


async def check_guards(database: TenantDatabase, kinds: Sequence[Kind]) -> Guards:
    """Raises GuardsMissing with everything that is wrong, and Unavailable."""
    guards = await look_at_guards(database, kinds)
    if guards.problems:
        raise GuardsMissing(problem="; ".join(guards.problems))
    return guards


async def look_at_guards(database: TenantDatabase, kinds: Sequence[Kind]) -> Guards:
    """The same without raising, for `doctor` and `verify`."""
    problems = [*await missing_guards(database, kinds), *await wrong_edges(database, kinds)]
    forged = await proofs.attempt_forgeries(database, await proofs.partitions(database, "status_transitions"))
    problems += [f"{what} was not refused" for what in forged]
    return Guards(tuple(problems), tuple(_too_strong(await proofs.role(database))))


async def missing_guards(database: TenantDatabase, kinds: Sequence[Kind]) -> list[str]:
    """Every guard and recorder that is not there, or not ENABLE ALWAYS."""
    found = {(trigger.table, trigger.name): trigger for trigger in await proofs.triggers(database)}
    files = await proofs.partitions(database, "artifacts")
    return [
        problem
        for table, name in _expected(kinds, files)
        if (problem := _problem(table, name, found.get((table, name)))) is not None
    ]


async def missing_audit_guards(control: TenantDatabase) -> list[str]:
    """The same for the copies and the seals in the control database."""
    found = {(trigger.table, trigger.name): trigger for trigger in await proofs.triggers(control)}
    guards = [(table, f"prevent_{table}_{what}") for table in CONTROL_TABLES for what in ("modification", "truncate")]
    return [problem for at in guards if (problem := _problem(*at, found.get(at))) is not None]


async def wrong_edges(database: TenantDatabase, kinds: Sequence[Kind]) -> list[str]:
    """Where `legal_transitions` and the machines differ. Kinds that are unknown here are another release's business."""
    known = {kind.name for kind in kinds}
    stored = {row for row in await proofs.legal_transitions(database) if row[0] in known}
    ours = {
        (kind.name, start, end, kind.machine.phase(end).value) for kind in kinds for start, end in kind.machine.pairs()
    }
    return [f"legal_transitions has {_shown(row)}, the machine has not" for row in sorted(stored - ours)] + [
        f"legal_transitions lacks {_shown(row)}" for row in sorted(ours - stored)
    ]


def _expected(kinds: Sequence[Kind], files: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield "audit_logs", "prevent_audit_logs_modification"
    yield "audit_logs", "prevent_audit_logs_truncate"
    for table in ("artifacts", *files):
        yield table, "guard_artifacts"
    for kind in kinds:
        table, history = kind.table.name, f"status_transitions_{kind.table.name}"
        yield table, f"guard_{table}"
        for event in ("insert", "update", "delete"):
            yield table, f"record_{table}_{event}"
        yield history, f"prevent_{history}_update"
        yield history, f"prevent_{history}_truncate"


def _problem(table: str, name: str, trigger: Trigger | None) -> str | None:
    if trigger is None:
        return f"{table} has no trigger {name}"
    if trigger.enabled != ALWAYS:
        return f"trigger {name} on {table} is not ENABLE ALWAYS"
    return None


def _too_strong(role: Role) -> Iterator[str]:
    if role.superuser:
        yield f"{role.name} is a superuser"
    elif role.owns:
        yield f"{role.name} owns {', '.join(role.owns[:3])}{' and others' if len(role.owns) > 3 else ''}"
    if role.writes_all and not role.superuser:
        yield f"{role.name} may write all tables (pg_write_all_data)"


def _shown(row: tuple[str, str, str, str]) -> str:
    kind, start, end, phase = row
    return f"{kind} {start or '(new)'} to {end} ({phase})"
