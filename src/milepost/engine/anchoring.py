"""Anchors follow the seals: what a crash left without is anchored, what does not grow from them goes no further."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Protocol

from milepost.db import seals
from milepost.db.seals import Seal
from milepost.db.tenants import TenantDatabase
from milepost.domain.checkpoint import Checkpoint, parse_checkpoint, parse_note
from milepost.domain.errors import SealRefused
from milepost.domain.merkle import Frontier, split

FEW = 50
LOST = (
    "Put the anchors back where MILEPOST_AUDIT_ANCHORS says. If they are lost, and 'milepost audit verify' finds nothing"
    " else: 'milepost audit reanchor'."
)


class Anchors(Protocol):
    """Checkpoints where the database's owner cannot reach them. Methods block, and raise OSError."""

    def append(self, log: str, seal: int, checkpoint: str) -> None: ...

    def last(self, log: str) -> str | None: ...

    def all(self, log: str) -> Iterator[tuple[int, str | None]]: ...


async def anchor(anchors: Anchors, seal: Seal) -> None:
    await asyncio.to_thread(anchors.append, seal.log, seal.number, seal.checkpoint)


async def anchor_up_to(control: TenantDatabase, anchors: Anchors, log: str, last: Seal | None) -> Checkpoint | None:
    """Brings the anchors up to the last seal. Answers what to make again where seals were lost; else None."""
    newest = said_by(await asyncio.to_thread(anchors.last, log), log)
    size = 0 if last is None else last.tree_size
    if newest is None or newest.size < size:
        await _catch_up(control, anchors, newest, last)
        return None
    if newest.size == size:
        if last is not None and newest.root != last.root:
            raise SealRefused(log=log, why=f"another tree of {size} rows is anchored")
        return None
    return await asyncio.to_thread(_next, anchors, log, last)


def _next(anchors: Anchors, log: str, last: Seal | None) -> Checkpoint | None:
    for _, note in anchors.all(log):
        said = said_by(note, log)
        if said is not None and last is not None and said.size == last.tree_size and said.root != last.root:
            raise SealRefused(log=log, why=f"another tree of {said.size} rows is anchored")
        if said is not None and said.size > (0 if last is None else last.tree_size):
            return said
    return None


async def _catch_up(control: TenantDatabase, anchors: Anchors, newest: Checkpoint | None, last: Seal | None) -> None:
    if last is None:
        return
    if newest is not None:
        await _grow(control, anchors, newest, last)
    elif last.number > 1:
        raise SealRefused(log=last.log, why=f"{last.number} seals were made, and nothing is anchored", hint=LOST)
    else:
        await anchor(anchors, last)


async def _grow(control: TenantDatabase, anchors: Anchors, newest: Checkpoint, last: Seal) -> None:
    """Anchors what a crash left without: seals that grow from the newest anchor, each recomputed."""
    log, size, frontier = last.log, newest.size, None
    while size < last.tree_size:
        found = await seals.seals_from(control, log, size if frontier is None else size + 1, FEW)
        if not found:
            raise SealRefused(log=log, why="seals are gone from its middle")
        for seal, leaf_hashes in found:
            if frontier is None:
                frontier = _begun(seal, newest)
                continue
            frontier = frontier.extend(split(leaf_hashes))
            if (frontier.size, frontier.root()) != (seal.tree_size, seal.root):
                raise SealRefused(log=log, why=f"seal {seal.number} does not grow from what is anchored")
            await anchor(anchors, seal)
            size = seal.tree_size


def _begun(seal: Seal, newest: Checkpoint) -> Frontier:
    if (seal.tree_size, seal.root) != newest[1:]:
        raise SealRefused(log=seal.log, why=f"no seal has the tree of {newest.size} rows that is anchored")
    return trusted(seal.log, seal)


def said_by(note: str | None, log: str) -> Checkpoint | None:
    if note is None:
        return None
    try:
        return parse_checkpoint(parse_note(note).text)
    except ValueError:
        raise SealRefused(log=log, why="its newest anchor is no checkpoint") from None


def trusted(log: str, last: Seal | None) -> Frontier:
    """The frontier that a seal carries, if its root is the seal's."""
    if last is None:
        return Frontier()
    try:
        frontier = Frontier.unpack(last.tree_size, last.frontier)
    except ValueError:
        frontier = Frontier()
    if frontier.root() != last.root:
        raise SealRefused(log=log, why=f"the frontier of seal {last.number} is not that of its root")
    return frontier
