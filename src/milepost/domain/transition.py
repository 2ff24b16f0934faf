"""One decided change of status, as the value that the ledger applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from milepost.domain.machine import Edge
from milepost.domain.text import storable

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class EffectStatement:
    """An array statement that writes the extra rows of many jobs at once.

    `sql` takes one array per column, `$1` being the job ids. `refusable`: its RETURNING yields the ids of the jobs
    whose rows it wrote, and a job it does not name is refused with all that belongs to it. `rank` is the lock order:
    lower ranks run first (10 money, 20 results, 30 statistics).
    """

    name: str
    sql: str
    rank: int = 20
    refusable: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """One extra row that belongs to a transition. `values` are the statement's columns after the job id."""

    statement: EffectStatement
    values: tuple[Any, ...]


class Transition(NamedTuple):
    """A compare-and-set on (id, version, from-status) along `edge`.

    `columns` are written with it; `delay` counts from the database's now() on edges into the queue; `note` follows
    the reason code after a blank. A tuple, because one is made for every step of every job.
    """

    job_id: UUID
    version: int
    edge: Edge
    actor: str
    note: str | None = None
    delay: timedelta | None = None
    attempt_step: int = 0
    columns: Mapping[str, Any] = MappingProxyType({})
    effects: tuple[Effect, ...] = ()

    @property
    def status_reason(self) -> str:
        """Cut to what the column holds, which is counted in bytes."""
        if not self.note:
            return self.edge.reason
        reason = storable(f"{self.edge.reason} {self.note}", LONGEST_REASON)
        return reason.encode()[:LONGEST_REASON].decode(errors="ignore")
