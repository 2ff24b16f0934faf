"""What a handler returned: whether it is an outcome at all, and one that its kind can store."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from types import NoneType
from typing import Any

from milepost.db.job_table import JobTable
from milepost.domain.job import Job
from milepost.domain.machine import By, Phase
from milepost.domain.outcome import Again, Cancelled, Done, Failed, HandedBack, TimedOut
from milepost.domain.transition import Effect, EffectStatement
from milepost.engine.kind import Kind

CODE = re.compile(r"[A-Z][A-Z0-9_]{0,99}", re.ASCII)
EXPECTED = "A handler returns Done, Failed, Again or Cancelled."
FIELDS: Mapping[type[Any], Mapping[str, tuple[type[Any], ...]]] = {
    Done: {"columns": (Mapping,), "effects": (tuple,), "reason": (str,)},
    Again: {"wait": (timedelta,), "code": (str,), "message": (str,), "columns": (Mapping,)},
    Failed: {
        "code": (str,), "message": (str,), "retry": (bool,), "wait": (timedelta, NoneType),
        "columns": (Mapping,), "effects": (tuple,),
    },
    Cancelled: {"columns": (Mapping,), "effects": (tuple,), "note": (str, NoneType)},
}  # fmt: skip


def wrong(kind: Kind, job: Job, answer: object) -> str | None:
    """What came back and what was expected; None when it is an outcome. Never raises."""
    try:
        return _wrong(kind, job, answer)
    except BaseException as error:  # noqa: BLE001 - a value may raise whatever it likes when it is looked at
        return f"The handler returned something that cannot be read ({type(error).__name__})."


def unwritable(table: JobTable, names: Any) -> str | None:
    """Columns that are not a handler's to write: unknown ones, and those that the engine keeps."""
    unknown = names - table.handlers_columns
    if not unknown:
        return None
    name = next(iter(unknown))
    if name in table.types:
        return f"{table.name}.{name} is written by the engine, not by a handler"
    return f"{table.name} has no column {name[:100]!r}" if isinstance(name, str) else "a column's name is no str"


def _wrong(kind: Kind, job: Job, answer: object) -> str | None:
    fields = next((fields for known, fields in FIELDS.items() if isinstance(answer, known)), None)
    if fields is None:
        hint = " (is a 'return' missing?)" if answer is None else ""
        return f"The handler returned {called(answer)}{hint}. {EXPECTED}"
    name = type(answer).__name__
    for field, types in fields.items():
        value = getattr(answer, field)
        if not isinstance(value, types):
            expected = " or ".join("None" if one is NoneType else one.__name__ for one in types)
            return f"The handler returned {name} whose {field} is {called(value)}, not {expected}."
    inside = _inside(kind, job, answer)
    return None if inside is None else f"The handler returned {name} with {inside}."


def _inside(kind: Kind, job: Job, answer: Any) -> str | None:
    if answer.columns and (no := unwritable(kind.table, answer.columns.keys())) is not None:
        return f"columns that do not fit: {no}"
    if isinstance(answer, Done | Failed | Cancelled) and not all(_is_effect(one) for one in answer.effects):
        return "effects that are none"
    if isinstance(answer, Failed | Again) and not CODE.fullmatch(answer.code):
        return "a code that is not UPPER_SNAKE, of at most 100 characters"
    if isinstance(answer, Done):
        return _no_such_end(kind, job, answer)
    return None


def _is_effect(one: Any) -> bool:
    return type(one) is Effect and type(one.statement) is EffectStatement and type(one.values) is tuple


def _no_such_end(kind: Kind, job: Job, done: Done) -> str | None:
    edge = kind.machine.find(job.status, done.reason, By.WORKER)
    if edge is not None and kind.machine.phase(edge.to_status) is Phase.SUCCEEDED:
        return None
    return f"the reason {done.reason[:100]!r}, which is no way to succeed from {job.status}"


def called(value: object) -> str:
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__[:100]} itself, not an instance of it"
    if isinstance(value, HandedBack | TimedOut):
        return f"{type(value).__name__}, which only the engine makes"
    name = type(value).__name__[:100]
    return f"{'an' if name[:1] in 'aeiouAEIOU' else 'a'} {name}"
