"""How jobs look on a terminal, and as plain lines in a pipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from milepost.cli.output import ago, as_json, clock, say
from milepost.cli.tables import table
from milepost.cli.terminal import Text, in_phase, out, styled
from milepost.client import Job, Page, Transition
from milepost.domain.ids import WHOLE, short_id

LONGEST_LINE = 60
NO_TIMES: Mapping[str, str | None] = {}
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
# the timeline tells it, or nobody but a program asks
MINOR = frozenset({"claimed_at", "updated_at", "deadline_at", "status_reason", "status_actor", "job_name", "pod_name"})
EMPTY: Sequence[Any] = (None, "", False)


def show_list(page: Page, now: datetime, times: Mapping[str, str | None] = NO_TIMES) -> None:
    """The error stands below the title where lines are short, and in a column of its own where they are not.

    `times`: those of the filters, which the next page must name as they were and not as so long ago.
    """
    names = ["id", "kind", "phase", "attempt", "created", "what"]
    rows = [[*_brief(job, now), job.title] for job in page.items]
    if out.is_terminal:
        rows = [[*row[:-1], _title(job)] for row, job in zip(rows, page.items, strict=True)]
    else:
        names.append("error")
        rows = [[*row, job.error_code] for row, job in zip(rows, page.items, strict=True)]
    table(names, rows, flexible="what")
    if page.next_cursor:
        same = "".join(f" --{name.replace('_', '-')} {at}" for name, at in times.items() if at is not None)
        say(f"There are more:{same} --cursor {page.next_cursor}")


def _brief(job: Job, now: datetime) -> list[Any]:
    done = f" {job.progress} %" if job.phase == "running" else ""
    attempt = f"{job.attempt}/{job.max_attempts}"
    return [short_id(job.id), job.kind, in_phase(job.phase, job.phase + done), attempt, ago(job.created_at, now)]


def _title(job: Job) -> Text:
    title = styled(job.title)
    return title.append_text(styled(f"\n{job.error_code}", "red")) if job.error_code else title


def show_job(job: Job, *, timeline: bool = True) -> None:
    head = styled(f"{job.kind} ").append_text(styled(str(job.id), "bold")).append_text(styled("  "))
    out.print(head.append_text(in_phase(job.phase, job.status)).append_text(styled(f"  version {job.version}")))
    for name, value in values_of(job).items():
        if name not in ELSEWHERE and value not in EMPTY and not _says_nothing(job, name, value):
            say(_line(name, value))
    for artifact in job.artifacts:
        say(f"  artifact           {artifact.id} {artifact.file_name} {artifact.file_size} bytes {artifact.status}")
    if timeline:
        show_timeline(job.status_transitions)
    for name in TEXTS:
        if text := values_of(job).get(name):
            say(f"\n{name}:\n{text}")


def _says_nothing(job: Job, name: str, value: Any) -> bool:
    """Kept for programs, or a number as every job has it; --json has all."""
    usual = {item.name: item.default for item in fields(job)}
    return name in MINOR or (isinstance(value, int | float) and value == usual.get(name))


def show_timeline(steps: Sequence[Transition]) -> None:
    """Every recorded change of status: when, how long after the one before, from what to what, why, by whom."""
    if not steps:
        return
    days = {step.transitioned_at.astimezone(UTC).date() for step in steps}
    say(f"\nTimeline, UTC{'' if len(days) > 1 else f', {min(days)}'}:")
    names = ("", "at", "after", "status", "reason", "by")
    table(names, _rows(steps, with_day=len(days) > 1), flexible="reason", wraps=True)


def _rows(steps: Sequence[Transition], *, with_day: bool) -> Iterator[Sequence[str]]:
    before: Transition | None = None
    for step in steps:
        at = clock(step.transitioned_at).removesuffix(" UTC")
        yield f"{step.version:>2}", at if with_day else at[11:], after(step, before), *told(step)
        before = step


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:23]


def after(step: Transition, before: Transition | None) -> str:
    return "" if before is None else f"+{(step.transitioned_at - before.transitioned_at).total_seconds():.3f} s"


def told(step: Transition) -> tuple[str, str, str]:
    """From where to where, why, by whom."""
    moved = f"{step.from_status or '(new)'} → {step.to_status}"
    return moved, step.reason or "", WHOLE.sub(lambda found: f"…{short_id(found[0])}", step.actor)


def show_why(found: Mapping[str, Any]) -> None:
    say(str(found.get("text") or found.get("reason")))
    for name in ("due_at", "ahead", "workers", "error_code", "error_message", "cancel_requested_at"):
        if found.get(name) is not None:
            say(f"  {name:<20} {found[name]}")
    lease: Mapping[str, Any] = found.get("lease") or {}
    for name, value in lease.items():
        say(f"  lease {name:<14} {_plain(value)}")


def values_of(job: Job) -> dict[str, Any]:
    """The shared fields, the kind's own, and the columns that have no field."""
    return {**{item.name: getattr(job, item.name) for item in fields(job)}, **job.columns}


def _line(name: str, value: Any) -> str:
    """What is long and no text gets lines of its own."""
    line = _plain(value)
    if isinstance(value, str) or len(line) <= LONGEST_LINE:
        return f"  {name:<18} {line}"
    return "\n".join([f"  {name}", *(f"    {line}" for line in as_json(value, indent=2).splitlines())])


def _plain(value: Any) -> str:
    """Texts as they are, times in UTC, anything else as JSON."""
    if isinstance(value, datetime):
        return f"{moment(value)} UTC"
    if isinstance(value, str | UUID):
        return str(value)
    return as_json(value)
