"""What a check of the audit logs found: how much was looked at, and everything that is not as it was sealed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from milepost.domain.canonical import Entry
from milepost.domain.checkpoint import Checkpoint

MOST_NAMED = 100


class Keys(Protocol):
    """The public keys whose signatures count."""

    def open(self, note: str, origin: str, /) -> Checkpoint: ...


class Tampered(NamedTuple):
    """One thing that is not as it was sealed: the log's row where it can be named, its leaf, the seal."""

    log: str
    row: int | None
    leaf: int | None
    seal: int | None
    what: str
    about: str = ""


@dataclass(slots=True)
class LogReport:
    """How much of a log was looked at. `copies_alone` counts sealed rows that a restore took back."""

    log: str
    epochs: int = 1
    seals: int = 0
    leaves: int = 0
    rows: int = 0
    copies_alone: int = 0
    unsealed: int = 0
    anchors: int = 0
    lag_seconds: float = 0.0
    names_checked: bool = True


@dataclass(slots=True)
class AuditReport:
    """All logs together: the first hundred findings by name, all by number. `unchecked` names tenants left out."""

    logs: list[LogReport] = field(default_factory=list[LogReport])
    wrong_count: int = 0
    wrong: list[Tampered] = field(default_factory=list[Tampered])
    unchecked: list[str] = field(default_factory=list[str])

    @property
    def clean(self) -> bool:
        return not self.wrong_count

    def add(self, found: Tampered) -> None:
        self.wrong_count += 1
        if len(self.wrong) < MOST_NAMED:
            self.wrong.append(found)


@dataclass(frozen=True, slots=True)
class Walk:
    """One log under check: whose signatures count in it, and where it goes what was found and how much was seen."""

    log: str
    origin: str
    keys: Keys
    report: AuditReport
    counted: LogReport
    tick: Callable[[], None]

    def add(self, what: str, *, row: int | None = None, leaf: int | None = None, seal: int | None = None) -> None:
        self.report.add(Tampered(self.log, row, leaf, seal, what))

    def name(self, entry: Entry, what: str) -> None:
        """A finding about a row."""
        self.report.add(Tampered(self.log, entry.id, None, None, what, told(entry)))


def told(entry: Entry) -> str:
    """What a row says, in a few words."""
    version = "" if entry.version is None else f" version {entry.version}"
    return f"{entry.action} of {entry.resource_type} {entry.resource_id}{version}"
