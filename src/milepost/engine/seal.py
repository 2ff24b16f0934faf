"""Seals the audit logs: committed rows become leaves of a growing Merkle tree, whose root is signed and anchored."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from milepost.db import seals
from milepost.db.seals import CONTROL, Batch, Position, Seal
from milepost.db.tenants import TenantDatabase
from milepost.domain.canonical import Entry, entry_bytes
from milepost.domain.checkpoint import Checkpoint
from milepost.domain.errors import SealRefused
from milepost.domain.merkle import Frontier, leaf_hash
from milepost.engine.anchoring import Anchors, anchor, anchor_up_to, trusted

logger = logging.getLogger("milepost.audit")

BATCH = 10_000
# of two seconds: in a burst the writers go first, and sealing follows
SHARE = 0.5
LATE = 20.0
ALARM = 60.0


class Signer(Protocol):
    """Whoever holds the key."""

    def sign(self, said: Checkpoint, /) -> str: ...

    def key_id(self, origin: str, /) -> str: ...


def bare(entry: Entry) -> Entry:
    return entry


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """An audit log: its name, the database that it is written in, and how its rows look as copies."""

    name: str
    database: TenantDatabase
    veil: Callable[[Entry], Entry] = bare


@dataclass(slots=True)
class Sealing:
    """What sealing did and how far behind it is, in seconds, by log."""

    rows: dict[str, int] = field(default_factory=dict[str, int])
    lag: dict[str, float] = field(default_factory=dict[str, float])


def origin(installation: str, log: str) -> str:
    """The name of a log in its checkpoints."""
    return f"milepost/{installation}/{log}"


class Sealer:
    """Of one installation. Two at a time do no harm: a seal's number is its key, and one of them is second."""

    def __init__(self, control: TenantDatabase, signer: Signer, anchors: Anchors, *, installation: str) -> None:
        self.sealing = Sealing()
        self._control = control
        self._signer = signer
        self._anchors = anchors
        self._installation = installation
        self._known: dict[str, Seal] = {}

    async def seal(self, log: Log, *, share: float = SHARE, batch: int = BATCH) -> int:
        """Seals what nothing can come before any more. Answers how many rows.

        Ends after `share` seconds with more to do, unless it is late. Raises SealRefused, Unavailable and OSError.
        """
        began, count, more = time.monotonic(), 0, True
        try:
            while more and (time.monotonic() - began < share or self.sealing.lag.get(log.name, 0.0) > LATE):
                sealed, more = await self._once(log, batch)
                count += sealed
                if more:  # or it would be late to the end, however little is left
                    await self._measure(log)
        finally:
            self.sealing.rows[log.name] = self.sealing.rows.get(log.name, 0) + count
            late = await self._measure(log)
            if late > ALARM:
                logger.error("the audit log of %s is sealed %.0f seconds late", log.name, late)
        return count

    async def anchor_anew(self, log: Log) -> int | None:
        """Where the anchors are lost: begins them again with the last seal, and answers its number.

        What was sealed before it can no longer be compared with anything. Raises SealRefused, Unavailable and OSError.
        """
        last = await seals.last_seal(self._control, log.name)
        if last is None or await asyncio.to_thread(self._anchors.last, log.name) is not None:
            return None
        trusted(log.name, last)
        await anchor(self._anchors, last)
        return last.number

    async def _measure(self, log: Log) -> float:
        last = await seals.last_seal(self._control, log.name)
        late = self.sealing.lag[log.name] = await seals.lag(log.database, log.name, position_after(last))
        return late

    async def _once(self, log: Log, most: int) -> tuple[int, bool]:
        last = await seals.last_seal(self._control, log.name)
        frontier = trusted(log.name, last)
        goal = await anchor_up_to(self._control, self._anchors, log.name, last)
        await self.must_be_as_sealed(log, last)
        await unmoved(self._control, log, last)
        at = position_after(last)
        if goal is None:
            batch = await seals.pending(log.database, log.name, at, most)
        else:
            batch = await seals.exactly(log.database, log.name, at, goal.size - frontier.size)
        if not batch.entries:
            return 0, False
        return await self.extend(log, last, frontier, at, batch, goal), batch.more

    async def extend(
        self, log: Log, last: Seal | None, frontier: Frontier, at: Position, batch: Batch, goal: Checkpoint | None
    ) -> int:
        """Adds a batch to the tree: hashed, signed, stored, anchored. 0: another sealer was first."""
        entries = [log.veil(entry) for entry in batch.entries]
        leaves = await _hashed(entries)
        grown = frontier.extend(leaves)
        said = Checkpoint(origin(self._installation, log.name), grown.size, grown.root())
        if goal is not None and said[1:] != goal[1:]:
            raise SealRefused(log=log.name, why=f"its first {goal.size} rows are not those that were anchored")
        seal = Seal(
            log.name,
            1 if last is None else last.number + 1,
            at.epoch,
            at.after_id,
            at.xid_from,
            batch.xid_to,
            frontier.size,
            len(leaves),
            grown.size,
            said.root,
            grown.packed(),
            self._signer.key_id(said.origin),
            self._signer.sign(said),
        )
        if not await seals.append(self._control, seal, b"".join(leaves), entries):
            return 0
        self._known[log.name] = seal
        if goal is None:
            await anchor(self._anchors, seal)
        return len(leaves)

    async def must_be_as_sealed(self, log: Log, last: Seal | None) -> None:
        """Raises SealRefused where the last seal's position is not that of what it covers: sealing goes on behind it.

        A seal's own columns are not signed; the epoch in its leaves is. Asked once, and again when the seal is another.
        Where it ends (`xid_to`) only a sealer can tell that has made or seen it: another one believes it.
        """
        known = self._known.get(log.name)
        if last is None or known == last:
            return
        if known is not None and known.number == last.number:
            raise SealRefused(log=log.name, why=f"seal {last.number} is not what it was")
        before = await seals.seal_numbered(self._control, log.name, last.number - 1)
        if not _follows(before, last) or not await self._covers(log, before, last):
            raise SealRefused(log=log.name, why=f"what seal {last.number} covers is not what was signed")
        self._known[log.name] = last

    async def _covers(self, log: Log, before: Seal | None, last: Seal) -> bool:
        """Whether the copies of its epoch and transactions are its leaves. The control log has no copies, and one epoch."""
        if log.name == CONTROL:
            return last.epoch == Position().epoch
        copies = await seals.copies_under(self._control, last)
        grown = trusted(log.name, before).extend(await _hashed(copies))
        return grown.root() == last.root and all(copy.id > last.after_id for copy in copies)


def _follows(before: Seal | None, seal: Seal) -> bool:
    """Within an epoch a seal begins where the one before it ends; the first epoch begins with the log."""
    if before is not None and before.epoch == seal.epoch:
        return (before.after_id, before.xid_to) == (seal.after_id, seal.xid_from)
    return seal.epoch != Position().epoch or (seal.after_id, seal.xid_from) == Position()[1:]


async def _hashed(entries: list[Entry]) -> list[bytes]:
    leaves: list[bytes] = []
    for start in range(0, len(entries), 500):
        leaves += [leaf_hash(entry_bytes(entry)) for entry in entries[start : start + 500]]
        await asyncio.sleep(0)  # other duties live on the same loop
    return leaves


def position_after(last: Seal | None) -> Position:
    return Position() if last is None else Position(last.epoch, last.after_id, last.xid_to)


async def unmoved(control: TenantDatabase, log: Log, last: Seal | None) -> None:
    """Raises SealRefused where the log is behind its own seals: a backup was restored, or rows were deleted."""
    if last is None:
        return
    hint = "After a restore: 'milepost audit restored'. Otherwise 'milepost audit verify' names what was changed."
    if await seals.horizon(log.database) < last.xid_to:
        raise SealRefused(log=log.name, why="its database counts transactions from an earlier number", hint=hint)
    newest = None if log.name == CONTROL else await seals.newest_copy(control, log.name, last.epoch)
    if newest is not None and not await seals.is_there(log.database, *newest):
        raise SealRefused(log=log.name, why=f"row {newest[0]}, which is sealed, is not there", hint=hint)
