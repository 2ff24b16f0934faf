"""How jobs look on a terminal, and as plain lines in a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from rich.markup import escape

from milepost.cli.output import ago, coloured, out, say, table
from milepost.client import Job, Page, Transition

TEXTS = ("prompt", "output")
# shown in a line of their own or not worth one
ELSEWHERE = frozenset(
    {
        "id",
        "kind",
        "phase",
        "title",
        "status",
        "version",
        "status_transitions",
        "artifacts",
        "columns",
        "etag",
        "warnings",
        *TEXTS,
    }
)
EMPTY: Sequence[Any] = (None, "", False)


def show_list(page: Page, now: datetime) -> None:
    rows = (
        (
            job.id,
            job.kind,
            coloured(job.phase, job.status),
            f"{job.progress} %" if job.phase == "running" else "",
            f"{job.attempt}/{job.max_attempts}",
            ago(job.created_at, now),
            escape(job.title),
        )
        for job in page.items
    )
    table(("id", "kind", "status", "progress", "attempt", "created", "what"), rows)
    if page.next_cursor:
        say(f"There are more: --cursor {page.next_cursor}")


def show_job(job: Job) -> None:
    out.print(f"{job.kind} [bold]{job.id}[/bold]  {coloured(job.phase, job.status)}  version {job.version}")
    for name, value in values_of(job).items():
        if name not in ELSEWHERE and value not in EMPTY:
            say(f"  {name:<18} {_plain(value)}")
    for artifact in job.artifacts:
        say(f"  artifact           {artifact.id} {artifact.file_name} {artifact.file_size} bytes {artifact.status}")
    show_timeline(job)
    for name in TEXTS:
        if text := values_of(job).get(name):
            say(f"\n{name}:\n{text}")


def show_timeline(job: Job) -> None:
    """Every recorded change of status: when, what, why, by whom, and how long after the one before."""
    if not job.status_transitions:
        return
    say("\nTimeline:")
    before: Transition | None = None
    for step in job.status_transitions:
        took = "" if before is None else f"+{(step.transitioned_at - before.transitioned_at).total_seconds():.3f} s"
        moved = f"{step.from_status or '(new)'} → {step.to_status}"
        at = step.transitioned_at.isoformat(sep=" ", timespec="milliseconds")[:23]
        say(f"  {step.version:>3}  {at}  {took:>12}  {moved:<24} {step.reason or '':<16} {step.actor}")
        before = step


def show_why(found: Mapping[str, Any]) -> None:
    say(str(found.get("text") or found.get("reason")))
    for name in ("due_at", "ahead", "workers", "error_code", "error_message", "cancel_requested_at"):
        if found.get(name) is not None:
            say(f"  {name:<20} {found[name]}")
    lease: Mapping[str, Any] = found.get("lease") or {}
    for name, value in lease.items():
        say(f"  lease {name:<14} {value}")


def values_of(job: Job) -> dict[str, Any]:
    """The shared fields, the kind's own, and the columns that have no field."""
    return {**{item.name: getattr(job, item.name) for item in fields(job)}, **job.columns}


def _plain(value: Any) -> str:
    return value.isoformat(sep=" ", timespec="milliseconds") if isinstance(value, datetime) else str(value)
