"""Walks a log's seals and anchors: signatures, growth from seal to seal, and that nobody was shown another tree."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from milepost.db import audit_reads
from milepost.db.audit_reads import Kept
from milepost.db.seals import CONTROL, Position, Seal
from milepost.domain.canonical import Entry
from milepost.domain.checkpoint import Checkpoint, Malformed
from milepost.domain.merkle import Frontier
from milepost.engine.audit.epochs import Epochs
from milepost.engine.audit.late import count_unsealed
from milepost.engine.audit.leaves import Stretch, judge, judge_times
from milepost.engine.audit.report import AuditReport, Keys, LogReport, Tampered, told
from milepost.engine.seal import ALARM

BEGINNING = Position()


@dataclass(slots=True)
class Sealed:
    """What the seals of a log say, for the checks that follow."""

    last: Seal | None = None
    roots: dict[int, tuple[bytes, int, int | None]] = field(default_factory=dict[int, "tuple[bytes, int, int | None]"])
    times: dict[int, datetime] = field(default_factory=dict[int, datetime])
    epochs: Epochs = field(default_factory=Epochs)

    @property
    def position(self) -> Position:
        last = self.last
        return Position() if last is None else Position(last.epoch, last.after_id, last.xid_to)


class _Copies:
    """A stream of leaves, taken up to a line."""

    def __init__(self, entries: AsyncIterator[Entry]) -> None:
        self._entries = entries
        self._next: Entry | None = None

    async def begin(self) -> None:
        self._next = await anext(self._entries, None)

    async def up_to(self, epoch: int, xid: int) -> list[Entry]:
        found: list[Entry] = []
        while self._next is not None and (self._next.epoch, self._next.xid) < (epoch, xid):
            found.append(self._next)
            await self.begin()
        return found

    async def rest(self) -> AsyncIterator[Entry]:
        while self._next is not None:
            yield self._next
            await self.begin()


async def check_tree(
    connection: Any, log: str, origin: str, keys: Keys, report: AuditReport, seen: LogReport, tick: Callable[[], None]
) -> Sealed:
    """Recomputes every leaf and root of a log."""
    sealed, frontier = Sealed(), Frontier()
    copies = _Copies(audit_reads.leaves(connection, log))
    await copies.begin()
    previous: Kept | None = None
    newest: datetime | None = None
    async for kept in audit_reads.seals(connection, log):
        seal = kept.seal
        entries = await copies.up_to(seal.epoch, seal.xid_to)
        signed = _opened(seal, origin, keys, entries, report)
        for what in _steps(previous and previous.seal, seal):
            report.add(Tampered(log, None, seal.first_leaf, seal.number, what))
        frontier, found = judge(Stretch(kept, entries, frontier, signed))
        same = previous is not None and previous.seal.epoch == seal.epoch
        newest, misdated = judge_times(kept, entries, newest if same else None)
        for tampered in found or misdated:
            report.add(tampered)
        seen.seals, seen.leaves = seen.seals + 1, seen.leaves + len(entries)
        for tampered in sealed.epochs.take(seal, entries):
            report.add(tampered)
        sealed.last = seal
        first = entries[0].id if entries else None
        sealed.roots[seal.tree_size] = (signed.root if signed else seal.root, seal.number, first)
        sealed.times[seal.tree_size] = kept.sealed_at
        previous = kept
        tick()
    for tampered in sealed.epochs.end(log):
        report.add(tampered)
    seen.epochs = max(len(sealed.epochs.after_ids), 1)
    now = await audit_reads.now(connection)
    async for entry in copies.rest():
        if log == CONTROL:
            # it is sealed where it stands, and its rows are never looked at beside their copies
            count_unsealed(log, entry, now, report, seen)
        else:
            report.add(Tampered(log, entry.id, None, None, "its copy was inserted behind the last seal", told(entry)))
    return sealed


def _opened(seal: Seal, origin: str, keys: Keys, entries: list[Entry], report: AuditReport) -> Checkpoint | None:
    try:
        return keys.open(seal.checkpoint, origin)
    except Malformed as error:
        first = entries[0] if entries else None
        about = told(first) if first else ""
        what = f"from here on {seal.leaf_count} rows are not sealed: {error}"
        report.add(Tampered(seal.log, first and first.id, seal.first_leaf, seal.number, what, about))
        return None


def _steps(previous: Seal | None, seal: Seal) -> list[str]:
    """Whether a seal begins where the one before it ended."""
    if previous is None:
        if (seal.number, seal.first_leaf) != (1, 0):
            return ["the seals before this one are missing"]
        return [] if (seal.epoch, seal.after_id, seal.xid_from) == BEGINNING else ["it does not begin with the log"]
    if (seal.number, seal.first_leaf) != (previous.number + 1, previous.tree_size):
        return [f"seals between {previous.number} and this one are missing"]
    if seal.epoch == previous.epoch and (seal.xid_from, seal.after_id) != (previous.xid_to, previous.after_id):
        return ["its range does not begin where the seal before it ended"]
    if seal.epoch != previous.epoch and (seal.epoch, seal.xid_from) != (previous.epoch + 1, 0):
        return [f"its epoch {seal.epoch} does not follow epoch {previous.epoch}"]
    return []


def check_anchors(
    log: str, origin: str, keys: Keys, notes: Sequence[str | None], sealed: Sealed, now: datetime, report: AuditReport
) -> None:
    """Every anchored checkpoint must be one of the seals, and every seal must be anchored."""
    anchored: dict[int, bytes] = {}
    last = sealed.last
    for number, note in enumerate(notes, 1):
        try:
            said = keys.open(note or "", origin)
        except Malformed as error:
            report.add(Tampered(log, None, None, None, f"anchor {number} does not count: {error}"))
            continue
        if anchored.setdefault(said.size, said.root) != said.root:
            report.add(Tampered(log, None, None, None, f"anchor {number} is a fork: two trees of {said.size} rows"))
        if found := _against(sealed, said, number, log):
            report.add(found)
    if last is not None and not anchored:
        report.add(Tampered(log, None, 0, None, "nothing is anchored, but rows are sealed"))
    for size, (_, number, first) in sealed.roots.items():
        late = (now - sealed.times[size]).total_seconds() > ALARM
        if anchored and size not in anchored and size > min(anchored) and late:
            report.add(Tampered(log, first, None, number, "this seal was never anchored"))


def _against(sealed: Sealed, said: Checkpoint, number: int, log: str) -> Tampered | None:
    size = 0 if sealed.last is None else sealed.last.tree_size
    if said.size > size:
        what = f"{said.size} rows are anchored and {size} sealed: the seals were rolled back"
        return Tampered(log, None, size, None, what)
    known = sealed.roots.get(said.size)
    if known is None:
        return Tampered(log, None, None, None, f"anchor {number} is of {said.size} rows, which no seal has")
    root, seal, first = known
    if root != said.root:
        what = f"anchor {number} has another tree of {said.size} rows: a row of this seal or before it was altered"
        return Tampered(log, first, None, seal, what)
    return None
