"""Trees, frontiers and proofs agree with the vectors of certificate transparency and with RFC 6962's own definition."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milepost.domain.merkle import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    is_consistent,
    leaf_hash,
    node_hash,
    root_of_inclusion,
)

# the eight leaves and roots that certificate-transparency's own tests use
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# (leaf counted from 1, size, path)
INCLUSION = [
    (1, 1, []),
    (
        1, 8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6, 8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (3, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        2, 5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]  # fmt: skip
CONSISTENCY = [
    (1, 1, []),
    (
        1, 8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6, 8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2, 5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]  # fmt: skip

HASHES = [leaf_hash(leaf) for leaf in LEAVES]


def tree_of(leaves: list[bytes]) -> Tree:
    return Tree(b"".join(leaves))


def as_defined(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(as_defined(leaves[:half]), as_defined(leaves[half:]))


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert tree_of(HASHES[:size]).root().hex() == ROOTS[size - 1]
    assert Frontier().extend(HASHES[:size]).root().hex() == ROOTS[size - 1]


def test_nothing_has_a_root_too() -> None:
    assert Frontier().root() == tree_of([]).root() == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(("leaf", "size", "path"), INCLUSION)
def test_paths_are_those_of_certificate_transparency(leaf: int, size: int, path: list[str]) -> None:
    assert [node.hex() for node in tree_of(HASHES[:size]).inclusion(leaf - 1)] == path


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCY)
def test_consistency_proofs_are_those_of_certificate_transparency(old: int, new: int, proof: list[str]) -> None:
    assert [node.hex() for node in tree_of(HASHES[:new]).consistency(old)] == proof


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 130))
def test_every_proof_holds_and_no_other_leaf_or_size_passes(data: st.DataObject, size: int) -> None:
    made = leaves(size)
    tree, root = tree_of(made), as_defined(made)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    path, proof = tree.inclusion(index), tree.consistency(old)

    assert tree.root() == root == root_of_inclusion(made[index], index, size, path)
    assert is_consistent(old, size, as_defined(made[:old]), root, proof)
    assert root_of_inclusion(leaf_hash(b"forged"), index, size, path) != root
    if size > 1:
        other = data.draw(st.integers(0, size - 1).filter(lambda place: place != index))
        assert root_of_inclusion(made[index], other, size, path) != root
    if old < size:
        assert not is_consistent(old, size, leaf_hash(b"forged"), root, proof)
        assert not is_consistent(old, size, as_defined(made[:old]), leaf_hash(b"forged"), proof)
        assert not is_consistent(old, size, as_defined(made[:old]), root, [*proof, root])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=6))
def test_a_frontier_grows_in_any_steps_to_the_same_root(steps: list[int]) -> None:
    made, grown = leaves(sum(steps)), Frontier()
    for step in steps:
        grown = grown.extend(made[grown.size : grown.size + step])
        grown = Frontier.unpack(grown.size, grown.packed())

    assert (grown.size, grown.root()) == (len(made), as_defined(made))


def test_a_frontier_that_does_not_fit_its_size_is_refused() -> None:
    with pytest.raises(ValueError, match="fit"):
        Frontier.unpack(3, bytes(32))


def test_there_is_no_proof_of_what_is_not_there() -> None:
    tree = tree_of(HASHES)
    for index in (-1, 8):
        with pytest.raises(IndexError):
            tree.inclusion(index)
    for old in (0, 9):
        with pytest.raises(IndexError):
            tree.consistency(old)
    assert root_of_inclusion(HASHES[0], 8, 8, []) is None
    assert root_of_inclusion(HASHES[0], 0, 8, []) is None
    assert not is_consistent(0, 8, EMPTY_ROOT, tree.root(), [])


def by_decomposition(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """Another way to the same answer: the proof cut into the part below and the part beside where both trees part."""
    if old == new or not 0 < old < new or not proof:
        return 0 <= old == new and not proof and old_root == new_root
    shift = (old & -old).bit_length() - 1
    place = (old - 1) >> shift
    inner = (place ^ ((new - 1) >> shift)).bit_length()
    border = (place >> inner).bit_count()
    seed, rest = (old_root, proof) if old == 1 << shift else (proof[0], proof[1:])
    if len(rest) != inner + border or any(len(node) != 32 for node in (seed, *rest)):
        return False
    first = second = seed
    for height, node in enumerate(rest):
        if height >= inner or place >> height & 1:
            first, second = node_hash(node, first), node_hash(node, second)
        else:
            second = node_hash(second, node)
    return (first, second) == (old_root, new_root)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_changed_consistency_proof_shows_nothing(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 70))
    old = data.draw(st.integers(1, new))
    made = leaves(new)
    proof = tree_of(made).consistency(old)
    roots = as_defined(made[:old]), as_defined(made)
    other = data.draw(changed(proof, *roots))
    sizes = old + data.draw(st.integers(-2, 2)), new + data.draw(st.integers(-2, 2))

    assert is_consistent(old, new, *roots, other) == (other == proof)
    assert is_consistent(*sizes, *roots, other) == by_decomposition(*sizes, *roots, other)


def changed(proof: list[bytes], *more: bytes) -> st.SearchStrategy[list[bytes]]:
    """The proof, or one with a hash more, less, longer, shorter, altered, or in another place."""
    nodes = st.sampled_from([b"", bytes(31), bytes(33), bytes(64), EMPTY_ROOT, *more, *proof])
    places = st.integers(0, len(proof))
    ways = [
        st.just(proof), st.permutations(proof), st.just([]),
        st.builds(lambda node, place: [*proof[:place], node, *proof[place:]], nodes, places),
        st.builds(lambda node, place: [*proof[:place], node, *proof[place + 1 :]], nodes, places),
        st.builds(lambda place: [*proof[:place], *proof[place + 1 :]], places),
    ]  # fmt: skip
    return st.one_of(ways)


SOME, MORE = leaf_hash(b"some"), leaf_hash(b"more")


@pytest.mark.parametrize(
    ("old", "new", "old_root", "new_root", "proof", "holds"),
    [
        (0, 0, EMPTY_ROOT, EMPTY_ROOT, [], True),
        (0, 0, SOME, SOME, [], True),
        (0, 0, EMPTY_ROOT, EMPTY_ROOT, [EMPTY_ROOT], False),
        (0, 0, SOME, SOME, [SOME], False),
        (0, 0, SOME, SOME, [b""], False),
        (0, 0, SOME, SOME, [SOME, MORE], False),
        (0, 0, SOME, MORE, [], False),
        (0, 0, EMPTY_ROOT, SOME, [], False),
        (0, 1, EMPTY_ROOT, SOME, [], False),
        (0, 1, EMPTY_ROOT, EMPTY_ROOT, [], False),
        (0, 1, EMPTY_ROOT, SOME, [SOME], False),
        (0, 8, EMPTY_ROOT, SOME, [], False),
        (-1, -1, SOME, SOME, [], False),
        (-1, 1, SOME, SOME, [], False),
        (1, 1, SOME, SOME, [], True),
        (1, 1, SOME, MORE, [], False),
        (1, 1, SOME, SOME, [SOME], False),
        (1, 0, SOME, EMPTY_ROOT, [], False),
        (2, 1, SOME, SOME, [], False),
        (2, 1, SOME, MORE, [SOME], False),
        (1, 2, SOME, SOME, [], False),
        (1, 2, SOME, node_hash(SOME, MORE), [MORE], True),
        (1, 2, SOME, node_hash(SOME, MORE), [SOME, MORE], False),
        (1, 2, SOME, node_hash(SOME, MORE), [MORE, b""], False),
        (1, 2, MORE, node_hash(SOME, MORE), [MORE], False),
    ],
)
def test_trees_of_one_size_need_the_same_root_and_no_proof_and_nothing_grows_from_an_empty_one(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes], holds: bool  # noqa: FBT001
) -> None:  # fmt: skip
    assert is_consistent(old, new, old_root, new_root, proof) == holds


def test_no_byte_can_be_moved_from_one_hash_to_its_neighbour() -> None:
    # the parent of two hashes is the hash of both behind each other, wherever one ends and the other begins
    moved = SOME[:-1], SOME[-1:] + MORE
    root = node_hash(SOME, MORE)
    assert node_hash(*moved) == root

    assert not is_consistent(1, 2, moved[0], root, [moved[1]])
    assert root_of_inclusion(moved[0], 0, 2, [moved[1]]) is None
    assert root_of_inclusion(moved[1], 1, 2, [moved[0]]) is None
    three = node_hash(root, SOME)
    assert is_consistent(3, 4, node_hash(root, SOME), node_hash(root, node_hash(SOME, MORE)), [SOME, MORE, root])
    assert not is_consistent(3, 4, three, node_hash(root, node_hash(*moved)), [moved[0], moved[1], root])


def test_a_leaf_of_another_length_is_no_hash() -> None:
    for leaf in (b"", bytes(31), bytes(33), bytes(64)):
        assert root_of_inclusion(leaf, 0, 1, []) is None
