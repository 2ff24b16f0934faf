"""After a restore: a new epoch of a log, beginning behind what the backup and the seals agree on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from milepost.db import audit_reads, seals
from milepost.db.proofs import one_moment
from milepost.db.seals import Batch, Position, Seal
from milepost.db.tenants import TenantDatabase
from milepost.domain.canonical import Entry
from milepost.domain.errors import SealRefused, Unavailable
from milepost.engine.anchoring import trusted
from milepost.engine.audit.rows import Names, difference
from milepost.engine.seal import BATCH, Log, Sealer

PAUSE = 0.2
TRIES = 150
# beyond every id
FAR = 2**63


class Restored(NamedTuple):
    """What began: the epoch, the id it begins behind, and how many sealed rows the backup had not."""

    epoch: int
    after_id: int
    lost: int


async def begin_epoch(sealer: Sealer, control: TenantDatabase, log: Log, *, actor: str) -> Restored:
    """What was restored must be the beginning of the sealed log; the rest lives on in the copies alone.

    The log itself tells of it. Raises SealRefused where a row was altered, or is missing before one that is there, and
    where nothing was restored.
    """
    last = await seals.last_seal(control, log.name)
    if last is None:
        raise SealRefused(log=log.name, why="nothing of it is sealed yet", hint="There is nothing to go on from.")
    await sealer.must_be_as_sealed(log, last)
    if unfinished := await _unfinished(control, log, last):
        await sealer.seal(log, share=float("inf"))
        return unfinished
    await _must_reach(control, log, last)
    agreed = await _agreed(control, log, last)
    if not (agreed.lost or agreed.behind or await seals.horizon(log.database) < last.xid_to):
        hint = "It is for a backup of the tenant's database that was put back, or moved to another server."
        raise SealRefused(f"Nothing of the audit log of {log.name} was lost, and it is sealed as ever.", hint=hint)
    begun = Restored(last.epoch + 1, agreed.after_id, agreed.lost)
    await seals.tell_restore(log.database, log.name, begun._asdict(), after_id=begun.after_id, actor=actor)
    at = Position(begun.epoch, begun.after_id)
    batch = await _first(log, at)
    if not await sealer.extend(log, last, trusted(log.name, last), at, batch, None):
        raise SealRefused(log=log.name, why="another sealer was at work", hint="Stop maintenance, and try again.")
    if batch.more:  # the row that tells of it is the newest
        await sealer.seal(log, share=float("inf"))
    return begun


async def _unfinished(control: TenantDatabase, log: Log, last: Seal) -> Restored | None:
    """The newest epoch, where the row that tells of it is not sealed: an earlier try ended before that."""
    if last.epoch == Position().epoch or await seals.tells_of(control, log.name, last.epoch):
        return None
    told = await seals.tells_of(log.database, log.name, last.epoch)
    return Restored(**told) if told else None


async def _first(log: Log, at: Position) -> Batch:
    """The epoch's first rows: they wait for whatever is being written."""
    for _ in range(TRIES):
        batch = await seals.pending(log.database, log.name, at, BATCH)
        if batch.entries:
            return batch
        await asyncio.sleep(PAUSE)
    raise Unavailable("A transaction stays open in some database of the server, and holds sealing up.")


async def _must_reach(control: TenantDatabase, log: Log, last: Seal) -> None:
    """What was restored must have the rows that the newest epoch began behind."""
    behind = await seals.newest_copy(control, log.name, last.epoch - 1, last.after_id)
    if behind is not None and not await seals.is_there(log.database, *behind):
        why = f"what was restored is from before epoch {last.epoch} began, or row {behind[0]} was deleted"
        raise SealRefused(log=log.name, why=why, hint="Restore a newer backup.")


class _Agreed(NamedTuple):
    """The highest id up to which rows and copies are the same, and how many sealed rows are gone.

    `behind`: a row waits for its seal below the line up to which all is sealed, as transactions are counted anew.
    """

    after_id: int
    lost: int
    behind: bool


async def _agreed(control: TenantDatabase, log: Log, last: Seal) -> _Agreed:
    """Both come in the order in which they were sealed, so that whole logs need no memory."""
    doubtful, kept, lost, first, behind = FAR, last.after_id, 0, None, False
    async with one_moment(control) as sealed_side, one_moment(log.database) as tenant:
        async for row, copy in _paired(
            audit_reads.rows_as_sealed(tenant, log.name, last.after_id),
            audit_reads.leaves_of_epoch(sealed_side, log.name, last.epoch),
        ):
            if row is not None and copy is not None:
                _must_fit(log, row, copy, first)
                kept = max(kept, row.id)
            elif row is not None:
                doubtful, behind = min(doubtful, row.id), behind or row.xid < last.xid_to
            elif copy is not None:
                doubtful, lost, first = min(doubtful, copy.id), lost + 1, first or copy
    return _Agreed(kept if doubtful == FAR else doubtful - 1, lost, behind)


async def _paired(
    rows: AsyncIterator[Entry], copies: AsyncIterator[Entry]
) -> AsyncIterator[tuple[Entry | None, Entry | None]]:
    """Rows and copies of one transaction and id together, what has no other half alone."""
    row, copy = await anext(rows, None), await anext(copies, None)
    while row is not None or copy is not None:
        place = min((each.xid, each.id) for each in (row, copy) if each is not None)
        here, there = _at(row, place), _at(copy, place)
        yield here, there
        row = row if here is None else await anext(rows, None)
        copy = copy if there is None else await anext(copies, None)


def _at(entry: Entry | None, place: tuple[int, int]) -> Entry | None:
    return entry if entry is not None and (entry.xid, entry.id) == place else None


def _must_fit(log: Log, row: Entry, copy: Entry, lost: Entry | None) -> None:
    if lost is not None:
        why = f"row {row.id} is there, but row {lost.id}, which was sealed before it, is not: that is no restore"
        raise SealRefused(log=log.name, why=why)
    if column := difference(row, copy, log.veil, Names()):
        raise SealRefused(log=log.name, why=f"the {column} of row {row.id} was altered")
