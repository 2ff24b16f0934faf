"""A job's fields for people: what tells something, and, folded, what is empty, as always, or told elsewhere already."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from milepost.domain.job import Job
from milepost.engine.kind import EMPTY, Kind
from milepost.engine.sessions import Viewer

# shown elsewhere on the page
ELSEWHERE = frozenset(
    {"id", "kind", "phase", "status", "title", "progress", "stage", "error_code", "error_message", "version",
     "status_reason", "status_actor", "attempt", "max_attempts"}
)  # fmt: skip
SORTS: tuple[tuple[type, str], ...] = (
    (bool, "bool"), (int, "number"), (datetime, "moment"), (dict, "pairs"), (list, "json"),
)  # fmt: skip
WIDE = 60


@dataclass(frozen=True, slots=True)
class Fact:
    """One field, and how it is written."""

    name: str
    value: Any
    sort: str

    @property
    def wide(self) -> bool:
        return self.sort in {"json", "pairs"} or len(str(self.value)) > WIDE


@dataclass(frozen=True, slots=True)
class Record:
    """All fields, in their order."""

    told: list[Fact]
    folded: list[Fact]


def record_of(viewer: Viewer, kind: Kind, job: Job, answer: Mapping[str, Any], told: AbstractSet[str]) -> Record:
    """`told`: fields that have a place of their own on the page."""
    named = [(name, value) for name, value in answer.items() if name not in ELSEWHERE | told]
    repeated = _repeated(viewer, job)
    facts = [
        (Fact(name, value, _sort(value)), name in repeated or kind.says_nothing(name, value)) for name, value in named
    ]
    first = Fact("version", job.version, "number")
    return Record([first, *(fact for fact, folded in facts if not folded)], [fact for fact, folded in facts if folded])


def _repeated(viewer: Viewer, job: Job) -> frozenset[str]:
    """What another field, or the viewer's own name, has said already."""
    own = {"user_id"} if job.user_id == viewer.user_id else set[str]()
    at_once = {"scheduled_at"} if job.scheduled_at == job["created_at"] else set[str]()
    return frozenset(own | at_once)


def _sort(value: Any) -> str:
    if value is None or value in EMPTY:
        return "none"
    # the first that fits: a bool is an int, too
    return next((sort for type_, sort in SORTS if isinstance(value, type_)), "text")
