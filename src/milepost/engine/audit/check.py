"""The whole check of the audit logs: trees, signatures, anchors, then every row against its sealed copy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from milepost.db import audit_reads
from milepost.db.proofs import one_moment
from milepost.db.seals import CONTROL
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import Unreadable
from milepost.engine.anchoring import Anchors
from milepost.engine.audit.anchored import check_anchors, check_kept
from milepost.engine.audit.report import AuditReport, Keys, LogReport, Tampered, Walk
from milepost.engine.audit.rows import Veiled, check_rows
from milepost.engine.audit.tree import Sealed, check_end, check_tree
from milepost.engine.seal import origin

NONE: Mapping[str, Sequence[str]] = {}


class Seen(NamedTuple):
    """A log to be checked. Without `veil` names are only checked for being the same everywhere.

    `fault` is a finding of whoever looked for the veil.
    """

    log: str
    database: TenantDatabase
    veil: Veiled | None = None
    fault: str = ""


def nothing(_: AuditReport) -> None:
    return None


async def check_audit(
    control: TenantDatabase,
    logs: Sequence[Seen],
    keys: Keys,
    anchors: Anchors,
    *,
    installation: str,
    kept: Mapping[str, Sequence[str]] = NONE,
    on_progress: Callable[[AuditReport], None] = nothing,
) -> AuditReport:
    """Bounded memory: a seal and a page at a time. `kept` are signed notes that each log must contain.

    Raises Unavailable.
    """
    report = AuditReport()
    for seen in logs:
        counted = LogReport(seen.log, names_checked=seen.veil is not None or seen.log == CONTROL)
        report.logs.append(counted)
        walk = Walk(seen.log, origin(installation, seen.log), keys, report, counted, lambda: on_progress(report))
        if seen.fault:
            walk.add(seen.fault)
        # in this order: what is anchored is sealed by then, and what is sealed is there in a later look at the rows
        notes = await asyncio.to_thread(_anchored, anchors, walk)
        try:
            async with one_moment(control) as sealed_side:
                await _check(walk, sealed_side, seen, notes, kept.get(seen.log, ()))
        except Unreadable as error:
            walk.add(str(error))
    await _check_strangers(control, {seen.log for seen in logs}, report)
    on_progress(report)
    return report


async def _check(walk: Walk, control: Any, seen: Seen, notes: Sequence[str | None] | None, kept: Sequence[str]) -> None:
    sealed = await check_tree(walk, control)
    begun = await _check_end(walk, seen.database, sealed)
    if notes is not None:
        check_anchors(walk, notes, sealed, begun=begun or ())
    check_kept(walk, kept, sealed)
    if begun is not None and seen.log != CONTROL:
        async with one_moment(seen.database) as tenant:
            await check_rows(walk, tenant, control, sealed, seen.veil)


async def _check_end(walk: Walk, own: TenantDatabase, sealed: Sealed) -> set[str] | None:
    """By the log's own clock. Answers where the log says that its anchors begin; None, and a finding: it is unreadable."""
    try:
        async with one_moment(own) as connection:
            check_end(walk, sealed, await audit_reads.clock(connection))
            return await audit_reads.anchors_begun(connection, walk.log)
    except Unreadable as error:
        walk.add(str(error))
        return None


def _anchored(anchors: Anchors, walk: Walk) -> list[str | None] | None:
    try:
        notes = [note for _, note in anchors.all(walk.log)]
    except OSError as error:
        walk.add(f"its anchors cannot be read: {error}")
        return None
    walk.counted.anchors = len(notes)
    return notes


async def _check_strangers(control: TenantDatabase, checked: set[str], report: AuditReport) -> None:
    """A log of nobody's would be read by nobody, and could be shown to anybody as one that was checked."""
    try:
        async with one_moment(control) as connection:
            strange = await audit_reads.strange_logs(connection)
    except Unreadable as error:
        if str(error) not in {found.what for found in report.wrong}:
            report.add(Tampered(CONTROL, None, None, None, str(error)))
        return
    for name in strange:
        if name not in checked:
            what = "seals or copies say that they are of this log, which no tenant has"
            report.add(Tampered(name, None, None, None, what))
