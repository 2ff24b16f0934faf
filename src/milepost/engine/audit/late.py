"""Rows that wait for their seal: counted, and the first one that waits for too long is named."""

from __future__ import annotations

from datetime import datetime

from milepost.domain.canonical import Entry
from milepost.engine.audit.report import AuditReport, LogReport, Tampered, told
from milepost.engine.seal import ALARM


def count_unsealed(log: str, row: Entry, now: datetime, report: AuditReport, seen: LogReport) -> None:
    """The first one that waits for too long is named: the sealer stands still."""
    try:
        age = (now - datetime.fromisoformat(row.created_at)).total_seconds()
    except ValueError:  # a date that only PostgreSQL can say
        age = float("inf")
    if age > ALARM >= seen.lag_seconds:
        report.add(Tampered(log, row.id, None, None, f"it has not been sealed for {age:.0f} seconds", told(row)))
    seen.unsealed += 1
    seen.lag_seconds = max(seen.lag_seconds, age)
