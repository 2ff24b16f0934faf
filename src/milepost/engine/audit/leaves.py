"""Compares what one seal covers: the copies as they stand, the leaf hashes beside the seal, and the signed root."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from milepost.db.audit_reads import Kept
from milepost.domain.canonical import Entry, entry_bytes
from milepost.domain.checkpoint import Checkpoint
from milepost.domain.merkle import SIZE, Frontier, leaf_hash, split
from milepost.engine.audit.report import Tampered, told


class Stretch(NamedTuple):
    """A seal, the copies in its range, and the tree before it (None where it is not known any more)."""

    kept: Kept
    entries: Sequence[Entry]
    before: Frontier | None
    signed: Checkpoint | None


def judge(stretch: Stretch) -> tuple[Frontier | None, list[Tampered]]:
    """The tree after the seal, and what is wrong with it. Pure."""
    seal, expected = stretch.kept.seal, split(stretch.kept.leaf_hashes)
    actual = [leaf_hash(entry_bytes(entry)) for entry in stretch.entries]
    root = stretch.signed.root if stretch.signed else seal.root
    found: list[Tampered] = []
    if stretch.before is None:
        after = _carried(stretch, root)
        as_kept = as_copied = after is not None and actual == expected
    else:
        kept, copied = stretch.before.extend(expected), stretch.before.extend(actual)
        as_kept, as_copied = kept.root() == root, copied.root() == root
        after = copied if as_copied else kept if as_kept else _carried(stretch, root)
    if as_copied and not as_kept:
        found += _edited_hashes(stretch, expected, actual)
    elif actual != expected:
        found += _differences(stretch, expected, actual)
    elif not as_copied:
        found.append(_unsigned(stretch, "one of the {count} rows from here on is not what was signed"))
    if stretch.signed is not None and (seal.tree_size, seal.root) != stretch.signed[1:]:
        found.append(_unsigned(stretch, "the seal's size or root is not what was signed"))
    found += [_unsigned(stretch, what) for what in _beside(stretch.kept, after)]
    return after, found


def _beside(kept: Kept, after: Frontier | None) -> Iterator[str]:
    """Columns that are not signed, but told by what is: the sealer goes on from them."""
    seal = kept.seal
    if len(kept.leaf_hashes) != SIZE * seal.leaf_count or seal.first_leaf + seal.leaf_count != seal.tree_size:
        yield "the seal does not say how many rows it covers"
    if after is not None and seal.frontier != after.packed():
        yield "the seal's frontier is not that of its tree"


def _carried(stretch: Stretch, root: bytes) -> Frontier | None:
    """The seal's own frontier, where it has the root: a way on behind a seal that is broken."""
    seal = stretch.kept.seal
    try:
        frontier = Frontier.unpack(stretch.signed.size if stretch.signed else seal.tree_size, seal.frontier)
    except ValueError:
        return None
    return frontier if frontier.root() == root else None


def _unsigned(stretch: Stretch, what: str) -> Tampered:
    seal = stretch.kept.seal
    first = stretch.entries[0] if stretch.entries else None
    text = what.format(count=seal.leaf_count)
    return Tampered(seal.log, first and first.id, seal.first_leaf, seal.number, text, told(first) if first else "")


def _edited_hashes(stretch: Stretch, expected: list[bytes], actual: list[bytes]) -> Iterator[Tampered]:
    seal = stretch.kept.seal
    for place, entry in enumerate(stretch.entries):
        if place >= len(expected) or expected[place] != actual[place]:
            what = "its leaf hash was changed; the row is as it was signed"
            yield Tampered(seal.log, entry.id, seal.first_leaf + place, seal.number, what, told(entry))
            return
    yield _unsigned(stretch, "there are more leaf hashes than rows; the rows are as they were signed")


def _differences(stretch: Stretch, expected: list[bytes], actual: list[bytes]) -> Iterator[Tampered]:
    """Walks both lists; where they part, what stands in the other list tells whether a row came, went or changed."""
    seal, wanted, there = stretch.kept.seal, set(expected), set(actual)
    leaf = row = 0
    while leaf < len(expected) or row < len(actual):
        gone = leaf < len(expected) and expected[leaf] not in there
        new = row < len(actual) and actual[row] not in wanted
        place = seal.first_leaf + leaf
        if gone and new:
            entry = stretch.entries[row]
            yield Tampered(seal.log, entry.id, place, seal.number, "its copy was altered", told(entry))
            leaf, row = leaf + 1, row + 1
        elif gone:
            yield Tampered(seal.log, None, place, seal.number, "the copy of this leaf is missing")
            leaf += 1
        elif new or leaf >= len(expected):
            entry = stretch.entries[row]
            yield Tampered(seal.log, entry.id, None, seal.number, "its copy was inserted", told(entry))
            row += 1
        else:
            leaf, row = leaf + 1, row + 1
