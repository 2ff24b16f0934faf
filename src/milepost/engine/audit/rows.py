"""Compares a tenant's own audit rows with the copies that are sealed: altered, missing and inserted rows by name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

from milepost.db import audit_reads
from milepost.db.audit_reads import Clock
from milepost.db.seals import Position
from milepost.domain.canonical import Entry
from milepost.domain.pseudonym import NAMING, PSEUDONYM
from milepost.engine.audit.late import count_unsealed
from milepost.engine.audit.report import LogReport, Walk
from milepost.engine.audit.tree import Sealed

Veiled = Callable[[Entry], Entry]


class Names:
    """Without the tenant's key: a name must go with one pseudonym always, and the other way round.

    Memory grows with the number of names.
    """

    def __init__(self) -> None:
        self._hidden: dict[str, str] = {}
        self._clear: dict[str, str] = {}

    def fit(self, clear: str, hidden: str) -> bool:
        if len(hidden) != PSEUDONYM:
            return False
        return self._hidden.setdefault(clear, hidden) == hidden and self._clear.setdefault(hidden, clear) == clear


def difference(row: Entry, copy: Entry, veil: Veiled | None, names: Names) -> str | None:
    """The first column in which a row differs from its copy."""
    seen = veil(row) if veil else row
    for column, here, there in zip(Entry._fields, seen, copy, strict=True):
        if column in {"epoch", "tenant_id"} or here == there:
            continue
        if veil is None and _is_name(column, row) and names.fit(*_names_in(column, str(here), str(there))):
            continue
        return column
    return None


def _is_name(column: str, row: Entry) -> bool:
    return column in {"user_id", "actor"} or (column == "resource_id" and row.resource_type in NAMING)


def _names_in(column: str, here: str, there: str) -> tuple[str, str]:
    """What is hidden of both: of an actor, what stands behind the colon."""
    if column != "actor":
        return here, there
    (kind, _, name), (hidden_kind, _, hidden) = here.partition(":"), there.partition(":")
    return (name, hidden) if kind == hidden_kind else (here, "")


async def check_rows(walk: Walk, tenant: Any, control: Any, sealed: Sealed, veil: Veiled | None) -> None:
    """Merges both in the order of the ids, which a restore does not disturb."""
    names, clock, seen = Names(), await audit_reads.clock(tenant), walk.counted
    copies = _standing(audit_reads.copies(control, walk.log), sealed, seen)
    copy = await anext(copies, None)
    async for row in audit_reads.rows(tenant, walk.log):
        seen.rows += 1
        while copy is not None and copy.id < row.id:
            walk.name(copy, "it is missing")
            copy = await anext(copies, None)
        if copy is not None and copy.id == row.id:
            if column := difference(row, copy, veil, names):
                walk.name(row, f"its {column} was altered")
            copy = await anext(copies, None)
        else:
            _judge_uncopied(walk, row, sealed.position, clock)
        if seen.rows % 5000 == 0:
            walk.tick()
    while copy is not None:
        walk.name(copy, "it is missing")
        copy = await anext(copies, None)


def _judge_uncopied(walk: Walk, row: Entry, at: Position, clock: Clock) -> None:
    if row.id <= at.after_id or row.xid < at.xid_from:
        walk.name(row, "it was inserted behind the seals' back")
    else:
        count_unsealed(walk, row, clock)


async def _standing(copies: AsyncIterator[Entry], sealed: Sealed, seen: LogReport) -> AsyncIterator[Entry]:
    """Copies whose rows must be there: what a restore took back is kept here alone."""
    after_ids = sealed.epochs.after_ids
    ends = {epoch: after_ids[later] for epoch, later in pairwise(sorted(after_ids))}
    async for copy in copies:
        if copy.epoch not in ends or copy.id <= ends[copy.epoch]:
            yield copy
        else:
            seen.copies_alone += 1
