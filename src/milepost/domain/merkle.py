"""Merkle trees as RFC 6962 writes them: leaves, roots, growing frontiers, proofs of inclusion and of consistency."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All that a tree needs in order to grow: the roots of its full subtrees, the largest first; at most 64 of them."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """With these leaf hashes added."""
        size, hashes = self.size, list(self.hashes)
        sha256 = hashlib.sha256
        for leaf in leaves:
            node, full = leaf, size
            while full & 1:
                node = sha256(b"\x01" + hashes.pop() + node).digest()
                full >>= 1
            hashes.append(node)
            size += 1
        return Frontier(size, tuple(hashes))

    def root(self) -> bytes:
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root

    def packed(self) -> bytes:
        return b"".join(self.hashes)

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Frontier:
        """Raises ValueError where the number of hashes does not fit the size."""
        if size < 0 or len(packed) != SIZE * size.bit_count():
            raise ValueError("the frontier does not fit the size of its tree")
        return cls(size, tuple(split(packed)))


def split(packed: bytes) -> list[bytes]:
    """Hashes that stand one behind the other."""
    return [packed[start : start + SIZE] for start in range(0, len(packed), SIZE)]


class Tree:
    """A whole tree, for proofs: every level packed, 64 bytes a leaf. An odd last node is carried up as it is."""

    def __init__(self, packed_leaves: bytes) -> None:
        self.size = len(packed_leaves) // SIZE
        self._levels = [packed_leaves]
        while len(self._levels[-1]) > SIZE:
            self._levels.append(_above(self._levels[-1]))

    def root(self) -> bytes:
        return self._levels[-1] or EMPTY_ROOT

    def inclusion(self, index: int) -> list[bytes]:
        """The path from a leaf to the root, the leaf's neighbour first. Raises IndexError."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        path: list[bytes] = []
        for level in self._levels[:-1]:
            neighbour = (index ^ 1) * SIZE
            if neighbour < len(level):
                path.append(level[neighbour : neighbour + SIZE])
            index >>= 1
        return path

    def consistency(self, old: int) -> list[bytes]:
        """That the first `old` leaves are this tree's beginning. Raises IndexError."""
        if not 0 < old <= self.size:
            raise IndexError(old)
        return self._subproof(old, 0, self.size, whole=True)

    def _subproof(self, old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
        if old == end:
            return [] if whole else [self._range(start, end)]
        middle = start + _half(end - start)
        if old <= middle:
            return [*self._subproof(old, start, middle, whole=whole), self._range(middle, end)]
        return [*self._subproof(old, middle, end, whole=False), self._range(start, middle)]

    def _range(self, start: int, end: int) -> bytes:
        """A full subtree, or the ragged one at the right edge, which was carried up to the same height."""
        height = (end - start - 1).bit_length()
        place = (start >> height) * SIZE
        return self._levels[height][place : place + SIZE]


def _above(level: bytes) -> bytes:
    pairs = len(level) // (2 * SIZE) * 2 * SIZE
    sha256 = hashlib.sha256
    nodes = [sha256(b"\x01" + level[at : at + 2 * SIZE]).digest() for at in range(0, pairs, 2 * SIZE)]
    return b"".join(nodes) + level[pairs:]


def _half(size: int) -> int:
    """The largest power of two below the size."""
    return 1 << ((size - 1).bit_length() - 1)


def are_hashes(*nodes: bytes) -> bool:
    """Of a hash's length, each: between two nodes of free length a byte could be moved, and their parent is the same."""
    return all(len(node) == SIZE for node in nodes)


def root_of_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that a path leads to; None where path, index and size do not fit each other (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not are_hashes(leaf, *path):
        return None
    place, last, root = index, size - 1, leaf
    for neighbour in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            root = node_hash(neighbour, root)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, neighbour)
        place, last = place >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree of `old` leaves is the beginning of the tree of `new` leaves.

    RFC 9162, 2.1.4.2: it speaks of 0 < old < new alone. Trees of one size, empty ones too, need no proof, only the same
    root; nothing proves that a tree grew from an empty one.
    """
    if old == new:
        return not proof and old >= 0 and old_root == new_root
    if not 0 < old < new or not proof or not are_hashes(old_root, *proof):
        return False
    path = list(proof)
    if old & (old - 1) == 0:  # a full tree is its own first node
        path.insert(0, old_root)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = node_hash(node, first), node_hash(node, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, node)
        place, last = place >> 1, last >> 1
    return last == 0 and (first, second) == (old_root, new_root)
