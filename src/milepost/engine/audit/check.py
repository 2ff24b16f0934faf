"""The whole check of the audit logs: trees, signatures, anchors, then every row against its sealed copy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from milepost.db import audit_reads
from milepost.db.proofs import one_moment
from milepost.db.seals import CONTROL
from milepost.db.tenants import TenantDatabase
from milepost.engine.audit.report import AuditReport, Keys, LogReport
from milepost.engine.audit.rows import Veiled, check_rows
from milepost.engine.audit.tree import check_anchors, check_tree
from milepost.engine.seal import Anchors, origin


class Seen(NamedTuple):
    """A log to be checked. Without `veil` names are only checked for being the same everywhere."""

    log: str
    database: TenantDatabase
    veil: Veiled | None = None


def nothing(_: AuditReport) -> None:
    return None


async def check_audit(
    control: TenantDatabase,
    logs: Sequence[Seen],
    keys: Keys,
    anchors: Anchors,
    *,
    installation: str,
    on_progress: Callable[[AuditReport], None] = nothing,
) -> AuditReport:
    """Bounded memory: a seal and a page at a time. Raises Unavailable and OSError."""
    report = AuditReport()
    for seen in logs:
        counted = LogReport(seen.log, names_checked=seen.veil is not None or seen.log == CONTROL)
        report.logs.append(counted)
        # in this order: what is anchored is sealed by then, and what is sealed is there in a later look at the rows
        notes = await asyncio.to_thread(_anchored, anchors, seen.log)
        counted.anchors = len(notes)
        async with one_moment(control) as sealed_side:
            await _check(sealed_side, seen, keys, notes, installation, report, counted, on_progress)
    on_progress(report)
    return report


async def _check(
    control: Any, seen: Seen, keys: Keys, notes: Sequence[str | None], installation: str, report: AuditReport,
    counted: LogReport, on_progress: Callable[[AuditReport], None],
) -> None:  # fmt: skip
    name = origin(installation, seen.log)

    def tick() -> None:
        on_progress(report)

    now = await audit_reads.now(control)
    sealed = await check_tree(control, seen.log, name, keys, report, counted, tick)
    check_anchors(seen.log, name, keys, notes, sealed, now, report)
    if seen.log != CONTROL:
        async with one_moment(seen.database) as tenant:
            await check_rows(tenant, control, seen.log, sealed, seen.veil, report, counted, tick)


def _anchored(anchors: Anchors, log: str) -> list[str | None]:
    return [note for _, note in anchors.all(log)]
