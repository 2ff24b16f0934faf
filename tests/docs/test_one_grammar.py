"""Product and offline checker read checkpoints, keys and paths alike: what one takes the other takes, to the byte."""

# ruff: noqa: RUF001 - characters that look like others are what is tested

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from docs import check_audit_proof as checker
from milepost.domain.checkpoint import MARK, Checkpoint, Malformed, parse_verifier_key, signed
from milepost.domain.merkle import Tree, leaf_hash, root_of_inclusion
from milepost.tenancy.signing import PublicKeys, SigningKey

LOG = "milepost/here/default"
SEEDS = {SigningKey(seed): seed for seed in (bytes([number]) * 32 for number in range(3))}
KEY, OTHER, STRANGER = SEEDS
KNOWN = [KEY.public, OTHER.public]
ROOT = leaf_hash(b"a row")
SAID = Checkpoint(LOG, 1200, ROOT)
NOTE = KEY.sign(SAID)
TEXT, SIGNATURE = SAID.text(), NOTE.rpartition("\n\n")[2]
T = TypeVar("T")

# whatever somebody's editor, mail program or malice makes of a character
STRAY = ["", " ", "\t", "\r", "\n", "\r\n", "\x00", "\x0b", "\x0c", "\x1c", "\x7f", "\x85", "\xa0", "\u2028", "\u2009",
         "\ufeff", "\u200b", "\ud800", "0", "٣", "+", "=", "-", "–", "—", "A", "é", "/"]  # fmt: skip


def answer(read: Callable[[], T]) -> T | None:
    """None for a refusal; anything else that is raised fails the test."""
    try:
        return read()
    except ValueError:
        return None


def of_product(note: str) -> tuple[int, bytes] | None:
    said = answer(lambda: PublicKeys(KNOWN).open(note, LOG))
    return said and (said.size, said.root)


def of_checker(note: str) -> tuple[int, bytes] | None:
    return answer(lambda: checker.signed_tree(note, LOG, KNOWN))


def line(key: SigningKey, *, text: str = TEXT, name: str = LOG) -> str:
    signature = Ed25519PrivateKey.from_private_bytes(SEEDS[key]).sign(text.encode())
    return signed(text, name, key.public, signature).rpartition("\n\n")[2]


def note_of(text: str) -> str:
    """Well signed, whatever it says."""
    return f"{text}\n{line(KEY, text=text)}"


def saying(size: str, root: str | None = None) -> str:
    return note_of(f"{LOG}\n{size}\n{BASE64 if root is None else root}\n")


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def forged(told: str) -> str:
    raw = bytearray(base64.b64decode(told.rpartition(" ")[2]))
    raw[-1] ^= 1
    return f"{told.rpartition(' ')[0]} {encoded(bytes(raw))}\n"


BASE64 = encoded(ROOT)
# the last letter before the padding has bits that nothing means
SPELT_OTHERWISE = BASE64[:-2] + chr(ord(BASE64[-2]) + 1) + "="
TAKEN = {
    "as it was signed": NOTE,
    "with a line of another known key": NOTE + line(OTHER),
    "with a stranger's line": NOTE + line(STRANGER),
    "with a stranger's line before": f"{TEXT}\n{line(STRANGER)}{SIGNATURE}",
    "with a witness's line": NOTE + f"{MARK}witness.example/w {encoded(bytes(80))}\n",
    "with a line of its name and an unknown key id": NOTE + f"{MARK}{LOG} {encoded(bytes(68))}\n",
    "with a line of a known key under another name": NOTE + line(KEY, name="milepost/here/other"),
    "with its line twice": NOTE + SIGNATURE,
    "with a hundred lines": NOTE + SIGNATURE * 99,
    "with an extension": note_of(TEXT + "what else the log says\n"),
    "of an empty tree": saying("0"),
    "of nineteen digits": saying("9" * 19),
    "with a blank and a plus in an extension": note_of(TEXT + "+ \N{NO-BREAK SPACE}\n"),
}  # fmt: skip
REFUSED = {
    "nothing": "",
    "no text": f"\n{SIGNATURE}",
    "no signature": f"{TEXT}\n",
    "no empty line": TEXT + SIGNATURE,
    "no last newline": NOTE[:-1],
    "a newline more": NOTE + "\n",
    "two newlines more": NOTE + "\n\n",
    "an empty line among the signatures": f"{NOTE}\n{SIGNATURE}",
    "two empty lines": f"{TEXT}\n\n{SIGNATURE}",
    "lines of Windows": NOTE.replace("\n", "\r\n"),
    "lines of old Macs": NOTE.replace("\n", "\r"),
    "a byte order mark": "\ufeff" + NOTE,
    "no dash": NOTE.replace(MARK, ""),
    "no dash but a blank": NOTE.replace(MARK, " "),
    "a hyphen": NOTE.replace(MARK, "- "),
    "two hyphens": NOTE.replace(MARK, "-- "),
    "an en dash": NOTE.replace(MARK, "\N{EN DASH} "),
    "a horizontal bar": NOTE.replace(MARK, "\N{HORIZONTAL BAR} "),
    "two dashes": NOTE.replace(MARK, MARK * 2),
    "no blank behind the dash": NOTE.replace(MARK, MARK[0]),
    "a no-break space behind the dash": NOTE.replace(MARK, MARK[0] + "\N{NO-BREAK SPACE}"),
    "two blanks behind the dash": NOTE.replace(MARK, MARK + " "),
    "two blanks behind the name": NOTE.replace(f"{MARK}{LOG} ", f"{MARK}{LOG}  "),
    "a blank at the line's end": NOTE[:-1] + " \n",
    "a tab in the line": NOTE.replace(f"{MARK}{LOG} ", f"{MARK}{LOG}\t"),
    "no name": NOTE.replace(MARK + LOG, MARK),
    "a name with a plus": NOTE + f"{MARK}a+b {encoded(bytes(68))}\n",
    "a name with a wide blank": NOTE + f"{MARK}a\N{IDEOGRAPHIC SPACE}b {encoded(bytes(68))}\n",
    "a stranger's line alone": f"{TEXT}\n{line(STRANGER)}",
    "a stranger's line without dash": NOTE + line(STRANGER).removeprefix(MARK),
    "a stranger's line without base64": NOTE + f"{MARK}witness.example/w ?\n",
    "a stranger's line of four bytes": NOTE + f"{MARK}witness.example/w {encoded(bytes(4))}\n",
    "a line of nothing": NOTE + "x\n",
    "a hundred and one lines": NOTE + SIGNATURE * 100,
    "a forged line": f"{TEXT}\n{forged(SIGNATURE)}",
    "a forged line behind a good one": NOTE + forged(SIGNATURE),
    "another known key's forged line": NOTE + forged(line(OTHER)),
    "no padding": NOTE[:-2] + "\n",
    "padding twice": NOTE[:-1] + "=\n",
    "unused bits set": NOTE[:-3] + chr(ord(NOTE[-3]) + 1) + "=\n",
    "a root with unused bits set": saying("1200", SPELT_OTHERWISE),
    "a root for web addresses": saying("1200", base64.urlsafe_b64encode(b"\xff" * 32).decode()),
    "a root of 31 bytes": saying("1200", encoded(bytes(31))),
    "a root of 33 bytes": saying("1200", encoded(bytes(33))),
    "a root in hex": saying("1200", ROOT.hex()),
    "no root": note_of(f"{LOG}\n1200\n"),
    "no size": note_of(f"{LOG}\n{BASE64}\n"),
    "an empty size": saying(""),
    "no origin": note_of(f"1200\n{BASE64}\n"),
    "an empty origin": note_of(f"\n1200\n{BASE64}\n"),
    "another origin": note_of(f"milepost/here/other\n1200\n{BASE64}\n"),
    "a blank behind the origin": note_of(f"{LOG} \n1200\n{BASE64}\n"),
    "a zero before the size": saying("01200"),
    "a zero too many": saying("00"),
    "a plus before the size": saying("+1200"),
    "a minus before the size": saying("-1200"),
    "a blank before the size": saying(" 1200"),
    "an underscore in the size": saying("1_200"),
    "an Arabic size": saying("١٢"),
    "a wide size": saying("１２"),
    "a size with a point": saying("12.0"),
    "a size in hex": saying("0x12"),
    "a size of twenty digits": saying("9" * 20),
    "a size of 5000 digits": saying("9" * 5000),
    "an empty extension": note_of(TEXT + "\n"),
    "an empty line before an extension": note_of(TEXT + "\nmore\n"),
    "a signed control character": note_of(TEXT + "a\x00b\n"),
    "a signed tab": note_of(TEXT + "a\tb\n"),
    "a signed CR": note_of(TEXT + "a\r\n"),
    "a signed escape": note_of(TEXT + "\x1b[2J\n"),
    "text that was never signed": NOTE.replace("1200", "1201"),
}  # fmt: skip


@pytest.mark.parametrize("name", TAKEN)
def test_what_the_grammar_allows_both_take(name: str) -> None:
    assert of_product(TAKEN[name]) is not None
    assert of_checker(TAKEN[name]) == of_product(TAKEN[name])


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_grammar_does_not_allow_both_refuse(name: str) -> None:
    assert (of_product(REFUSED[name]), of_checker(REFUSED[name])) == (None, None)


def changed_at_each_place() -> Iterator[str]:
    for place in range(len(NOTE)):
        before, letter, after = NOTE[:place], NOTE[place], NOTE[place + 1 :]
        yield from (before + other + after for other in STRAY if other != letter)
        yield from (before + other + letter + after for other in [letter, *STRAY[1:]])


def test_no_character_can_be_taken_away_doubled_changed_or_slipped_in() -> None:
    taken = [note for note in changed_at_each_place() if of_product(note) or of_checker(note)]

    assert taken == []


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_any_changes_are_answered_alike(data: st.DataObject) -> None:
    note = data.draw(st.sampled_from([*TAKEN.values()]))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(note)))
        end = data.draw(st.integers(start, min(start + 3, len(note))))
        note = (
            note[:start]
            + data.draw(st.sampled_from([*STRAY, SIGNATURE, NOTE, TEXT]) | st.text(max_size=2))
            + note[end:]
        )

    assert of_product(note) == of_checker(note)


VERIFIER = KEY.verifier(LOG)
NEWLINE = b"\n"


def key_line(raw: bytes) -> str:
    return f"{LOG}+{hashlib.sha256(LOG.encode() + NEWLINE + raw).hexdigest()[:8]}+{encoded(raw)}"


KEYS = {
    "as it was written": VERIFIER, "with blanks around": f" {VERIFIER}\t", "nothing": "", "one plus": "a+b",
    "cut short": VERIFIER[:-1], "longer": VERIFIER + "A", "padding": VERIFIER + "=", "a name that is none": "a b" + VERIFIER[len(LOG):],
    "another name": "x" + VERIFIER, "another id": VERIFIER.replace(f"+{VERIFIER.split('+')[1]}", "+00000000"),
    "an id in capitals": VERIFIER.replace(VERIFIER.split("+")[1], VERIFIER.split("+")[1].upper()),
    "no name": VERIFIER.removeprefix(LOG), "another algorithm": key_line(b"\x02" + KEY.public),
    "a control character": VERIFIER.replace("/", "\x00", 1), "half a character": VERIFIER.replace("/", "\ud800", 1),
}  # fmt: skip


@pytest.mark.parametrize("name", KEYS)
def test_a_line_of_a_key_file_is_read_alike(name: str) -> None:
    of_both = [answer(lambda: parse_verifier_key(KEYS[name])), answer(lambda: checker.key_of(KEYS[name]))]

    assert of_both == ([KEY.public] * 2 if name in {"as it was written", "with blanks around"} else [None, None])


def test_a_refusal_of_the_product_is_never_something_else() -> None:
    for note in REFUSED.values():
        with pytest.raises(Malformed):
            PublicKeys(KNOWN).open(note, LOG)


HASHES = [leaf_hash(str(number).encode()) for number in range(70)]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_path_leads_both_to_the_same_root_however_it_was_changed(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(HASHES)))
    index = data.draw(st.integers(0, size - 1))
    tree = Tree(b"".join(HASHES[:size]))
    path = data.draw(changed(tree.inclusion(index)))
    place, count = index + data.draw(st.integers(-2, 2)), size + data.draw(st.integers(-2, 2))

    found = root_of_inclusion(HASHES[index], place, count, path)

    assert found == checker.root_of(HASHES[index], place, count, path)
    if (place, count) == (index, size):
        assert (found == tree.root()) == (path == tree.inclusion(index))


def changed(path: list[bytes]) -> st.SearchStrategy[list[bytes]]:
    """The path, or one with a hash more, less, longer, shorter, altered, or in another place."""
    nodes = st.sampled_from([b"", bytes(31), bytes(32), bytes(33), bytes(64), HASHES[0]])
    ways = [
        st.just(path),
        st.permutations(path),
        nodes.map(lambda node: [*path, node]),
        nodes.map(lambda node: [node, *path]),
    ]
    if path:
        ways += [
            st.just(path[1:]), st.just(path[:-1]), st.just([path[0][1:], *path[1:]]), st.just([path[0] + b"\0", *path[1:]]),
            st.just([path[0], *path]), st.just([bytes([path[0][0] ^ 8]) + path[0][1:], *path[1:]]),
        ]  # fmt: skip
    return st.one_of(ways)
