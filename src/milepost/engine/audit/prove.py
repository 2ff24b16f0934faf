"""Proofs for one job: its sealed audit rows, and for each the path from its leaf to a signed root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from milepost.db import audit_reads
from milepost.db.audit_reads import Kept
from milepost.db.proofs import one_moment
from milepost.db.tenants import TenantDatabase
from milepost.domain.canonical import Entry, entry_bytes
from milepost.domain.errors import JobNotFound, SealRefused
from milepost.domain.merkle import SIZE, Tree, leaf_hash
from milepost.engine.seal import origin

FORMAT = "milepost-audit-proof/1"


@dataclass(frozen=True, slots=True)
class ProvenRow:
    """A leaf: its place, its bytes as text, and the hashes on the way to the root, in hex."""

    leaf_index: int
    leaf: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """All that a check needs besides the public key."""

    format: str
    log: str
    resource: str
    checkpoint: str
    rows: tuple[ProvenRow, ...]


async def prove(control: TenantDatabase, log: str, resource: str, *, installation: str) -> Proof:
    """Raises JobNotFound where nothing of it is sealed, SealRefused where a row is not as it was sealed.

    Raises Unavailable and Unreadable.
    """
    async with one_moment(control) as connection:
        entries = await audit_reads.leaves_about(connection, log, resource)
        if not entries:
            raise JobNotFound(
                f"Nothing of {resource} is sealed.", hint="Rows are sealed within seconds of their commit."
            )
        kept = [seal async for seal in audit_reads.seals(connection, log)]
    tree = Tree(b"".join(seal.leaf_hashes for seal in kept))
    if not kept or tree.root() != kept[-1].seal.root:
        raise SealRefused(log=log, why="its leaves do not make its last root")
    rows = tuple(_row(tree, kept, entry) for entry in entries)
    return Proof(FORMAT, origin(installation, log), resource, kept[-1].seal.checkpoint, rows)


def _row(tree: Tree, kept: Sequence[Kept], entry: Entry) -> ProvenRow:
    data = entry_bytes(entry)
    index = _place(kept, entry, leaf_hash(data))
    return ProvenRow(index, data.decode(), tuple(node.hex() for node in tree.inclusion(index)))


def _place(kept: Sequence[Kept], entry: Entry, leaf: bytes) -> int:
    for seal, leaf_hashes, _ in kept:
        if seal.epoch == entry.epoch and seal.xid_from <= entry.xid < seal.xid_to:
            for place in range(seal.leaf_count):
                if leaf_hashes[place * SIZE : (place + 1) * SIZE] == leaf:
                    return seal.first_leaf + place
    raise SealRefused(log=entry.log, why=f"row {entry.id} is not as it was sealed")


def plain(proof: Proof) -> dict[str, Any]:
    """As JSON tells it."""
    rows = [{"leaf_index": row.leaf_index, "leaf": row.leaf, "path": list(row.path)} for row in proof.rows]
    return {
        "format": proof.format,
        "log": proof.log,
        "resource": proof.resource,
        "checkpoint": proof.checkpoint,
        "rows": rows,
    }
