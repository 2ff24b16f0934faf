"""Walks a log's seals: signatures, leaves, growth from seal to seal, and what each says beside what was signed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from milepost.db import audit_reads
from milepost.db.audit_reads import Clock, Kept
from milepost.db.seals import CONTROL, Position, Seal
from milepost.domain.canonical import Entry
from milepost.domain.checkpoint import Checkpoint, Malformed, parse_note
from milepost.domain.merkle import Frontier
from milepost.engine.audit.epochs import Epochs
from milepost.engine.audit.late import count_unsealed
from milepost.engine.audit.leaves import Stretch, judge
from milepost.engine.audit.report import Tampered, Walk, told
from milepost.engine.audit.times import Times

BEGINNING = Position()


class Made(NamedTuple):
    """A seal by the size of its tree: the root that counts, its number, its first row, when it says it was made."""

    root: bytes
    number: int
    row: int | None
    sealed_at: float


@dataclass(slots=True)
class Sealed:
    """What the seals of a log say, for the checks that follow. `made` is in their order, `now` the time of their database."""

    now: float
    last: Seal | None = None
    made: dict[int, Made] = field(default_factory=dict[int, Made])
    epochs: Epochs = field(default_factory=Epochs)

    @property
    def position(self) -> Position:
        last = self.last
        return Position() if last is None else Position(last.epoch, last.after_id, last.xid_to)

    @property
    def size(self) -> int:
        return 0 if self.last is None else self.last.tree_size


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


async def check_tree(walk: Walk, connection: Any) -> Sealed:
    """Recomputes every leaf and root of a log."""
    clock = await audit_reads.clock(connection)
    copies, tree = _Copies(audit_reads.leaves(connection, walk.log)), _Tree(walk, clock)
    await copies.begin()
    async for kept, end in _with_ends(audit_reads.seals(connection, walk.log)):
        tree.take(kept, await copies.up_to(kept.seal.epoch, end))
        walk.tick()
    tree.end()
    async for entry in copies.rest():
        if walk.log == CONTROL:
            # it is sealed where it stands, and its rows are never looked at beside their copies
            count_unsealed(walk, entry, clock)
        else:
            walk.name(entry, "its copy was inserted behind the last seal")
    return tree.sealed


async def _with_ends(seals: AsyncIterator[Kept]) -> AsyncIterator[tuple[Kept, int]]:
    """Each with the transaction that its rows end before: one seal that says too much does not take those of the next."""
    held: Kept | None = None
    async for kept in seals:
        if held is not None:
            yield held, _end(held.seal, kept.seal)
        held = kept
    if held is not None:
        yield held, held.seal.xid_to


def _end(seal: Seal, following: Seal) -> int:
    goes_on = following.epoch == seal.epoch and following.xid_from > seal.xid_from
    return min(seal.xid_to, following.xid_from) if goes_on else seal.xid_to


class _Tree:
    """Grows with every seal, and tells of each what does not fit."""

    def __init__(self, walk: Walk, clock: Clock) -> None:
        self.sealed = Sealed(clock.now)
        self._walk = walk
        self._times = Times(clock.now)
        self._frontier: Frontier | None = Frontier()

    def take(self, kept: Kept, entries: list[Entry]) -> None:
        seal, walk, sealed = kept.seal, self._walk, self.sealed
        signed = self._opened(seal, entries)
        for what in _steps(sealed.last, seal):
            walk.add(what, leaf=seal.first_leaf, seal=seal.number)
        self._frontier, found = judge(Stretch(kept, entries, self._frontier, signed))
        misdated = self._times.judge(kept, entries)
        for tampered in (*(found or misdated), *sealed.epochs.take(seal, entries)):
            walk.report.add(tampered)
        walk.counted.seals += 1
        walk.counted.leaves += len(entries)
        root, first = signed.root if signed else seal.root, entries[0].id if entries else None
        sealed.made[seal.tree_size] = Made(root, seal.number, first, kept.sealed_at)
        sealed.last = seal

    def end(self) -> None:
        for tampered in self.sealed.epochs.end(self._walk.log):
            self._walk.report.add(tampered)
        self._walk.counted.epochs = max(len(self.sealed.epochs.after_ids), 1)

    def _opened(self, seal: Seal, entries: list[Entry]) -> Checkpoint | None:
        first = entries[0] if entries else None
        try:
            signed, what = self._walk.keys.open(seal.checkpoint, self._walk.origin), ""
            if [line.key_id.hex() for line in parse_note(seal.checkpoint).signatures] != [seal.key_id]:
                what = "the seal does not name the one key that has signed it"
        except Malformed as error:
            signed, what = None, f"from here on {seal.leaf_count} rows are not sealed: {error}"
        if what:
            about = told(first) if first else ""
            self._walk.report.add(Tampered(seal.log, first and first.id, seal.first_leaf, seal.number, what, about))
        return signed


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


def check_end(walk: Walk, sealed: Sealed, clock: Clock) -> None:
    """Sealing goes on where the last seal ends, which is not signed: rows before that line would never be sealed."""
    last = sealed.last
    if last is not None and last.xid_to > clock.horizon:
        what = f"it says that it ends at transaction {last.xid_to}, which its database has not reached"
        walk.add(what, leaf=last.first_leaf, seal=last.number)
