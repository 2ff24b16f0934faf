"""After a restore: a new epoch of a log, beginning behind what the backup and the seals agree on."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from milepost.db import audit_reads, seals
from milepost.db.proofs import one_moment
from milepost.db.seals import Batch, Position, Seal
from milepost.db.tenants import TenantDatabase
from milepost.domain.canonical import Entry
from milepost.domain.errors import SealRefused, Unavailable
from milepost.engine.audit.rows import Names, difference
from milepost.engine.seal import BATCH, Log, Sealer, trusted

PAUSE = 0.2
TRIES = 150


class Restored(NamedTuple):
    """What began: the epoch, the id it begins behind, and how many sealed rows the backup had not."""

    epoch: int
    after_id: int
    lost: int


async def begin_epoch(sealer: Sealer, control: TenantDatabase, log: Log, *, actor: str) -> Restored:
    """What was restored must be the beginning of the sealed log; the rest lives on in the copies alone.

    The log itself tells of it. Raises SealRefused where a row was altered, or is missing before one that is there.
    """
    last = await seals.last_seal(control, log.name)
    if last is None:
        raise SealRefused(log=log.name, why="nothing of it is sealed yet", hint="There is nothing to go on from.")
    after_id, lost = await _agreed(control, log, last)
    begun = Restored(last.epoch + 1, after_id, lost)
    await seals.tell_restore(log.database, log.name, begun._asdict(), after_id=after_id, actor=actor)
    at = Position(begun.epoch, after_id)
    if not await sealer.extend(log, last, trusted(log.name, last), at, await _first(log, at), None):
        raise SealRefused(log=log.name, why="another sealer was at work", hint="Stop maintenance, and try again.")
    return begun


async def _first(log: Log, at: Position) -> Batch:
    """The epoch's first rows: they wait for whatever is being written."""
    for _ in range(TRIES):
        batch = await seals.pending(log.database, log.name, at, BATCH)
        if batch.entries:
            return batch
        await asyncio.sleep(PAUSE)
    raise Unavailable("A transaction stays open in some database of the server, and holds sealing up.")


async def _agreed(control: TenantDatabase, log: Log, last: Seal) -> tuple[int, int]:
    """The highest id up to which rows and copies are the same, and how many sealed rows are gone."""
    async with one_moment(control) as sealed_side, one_moment(log.database) as tenant:
        rows = {row.id: row async for row in audit_reads.rows(tenant, log.name) if row.id > last.after_id}
        lost: list[Entry] = []
        kept: set[int] = set()
        async for copy in audit_reads.leaves(sealed_side, log.name):
            if copy.epoch != last.epoch:
                continue
            row = rows.get(copy.id)
            if row is None or row.xid != copy.xid:
                lost.append(copy)
            else:
                _must_fit(log, row, copy, lost)
                kept.add(copy.id)
    doubtful = (rows.keys() - kept) | {copy.id for copy in lost}
    return min(doubtful, default=max(kept, default=last.after_id) + 1) - 1, len(lost)


def _must_fit(log: Log, row: Entry, copy: Entry, lost: list[Entry]) -> None:
    if lost:
        why = f"row {row.id} is there, but row {lost[0].id}, which was sealed before it, is not: that is no restore"
        raise SealRefused(log=log.name, why=why)
    if column := difference(row, copy, log.veil, Names()):
        raise SealRefused(log=log.name, why=f"the {column} of row {row.id} was altered")
