"""Checkpoints of a log as C2SP writes them: a tree's size and root in a signed note. Text and key ids only; no keys.

The grammar stands in docs/audit.md. What is read is written the same again: no note has two spellings.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NamedTuple

ED25519 = b"\x01"
MARK = "\N{EM DASH} "
# of any tree that the database could number
DIGITS = 19
NOT_PLAIN = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")
# C2SP asks for 16 at least; Go's note package takes as many
MOST_SIGNATURES = 100


class Checkpoint(NamedTuple):
    """What a log says of itself: its name, how many leaves it has, and their root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class Signature(NamedTuple):
    """One line below a note: whose it says it is, the first bytes of that key's hash, the signature itself."""

    name: str
    key_id: bytes
    signature: bytes


class Note(NamedTuple):
    """A text with signatures below it."""

    text: str
    signatures: tuple[Signature, ...]


class Malformed(ValueError):
    """A note, a checkpoint or a key that does not read as one."""


def key_id(name: str, public_key: bytes) -> bytes:
    """The four bytes by which a signature line names an Ed25519 key."""
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public_key).digest()[:4]


def verifier_key(name: str, public_key: bytes) -> str:
    """A public key as C2SP writes it: name, key id, algorithm and key."""
    return f"{name}+{key_id(name, public_key).hex()}+{base64.b64encode(ED25519 + public_key).decode()}"


def parse_verifier_key(text: str) -> bytes:
    """The public key of a line that `verifier_key` wrote. Raises Malformed."""
    name, _, rest = (line := text.strip()).partition("+")
    told, _, encoded = rest.partition("+")
    raw = _decoded(encoded)
    readable = _is_plain(line) and _is_name(name) and len(raw) == 33 and raw[:1] == ED25519
    if not readable or key_id(name, raw[1:]).hex() != told:
        raise Malformed("not an Ed25519 verifier key")
    return raw[1:]


def signed(text: str, name: str, public_key: bytes, signature: bytes) -> str:
    """The note: its text, an empty line, and the signature's line."""
    told = base64.b64encode(key_id(name, public_key) + signature).decode()
    return f"{text}\n{MARK}{name} {told}\n"


def parse_note(note: str) -> Note:
    """Raises Malformed."""
    text, empty, below = note.rpartition("\n\n")
    if not empty or not below.endswith("\n") or not _is_plain(note):
        raise Malformed("not a signed note")
    lines = below[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise Malformed(f"a note of more than {MOST_SIGNATURES} signatures")
    return Note(text + "\n", tuple(map(_signature, lines)))


def _signature(line: str) -> Signature:
    name, _, told = line.removeprefix(MARK).partition(" ")
    raw = _decoded(told)
    if not line.startswith(MARK) or not _is_name(name) or len(raw) < 5:
        raise Malformed("not a signature line")
    return Signature(name, raw[:4], raw[4:])


def parse_checkpoint(text: str) -> Checkpoint:
    """Lines behind the third are whatever the log has signed with it. Raises Malformed."""
    *lines, end = text.split("\n")
    if len(lines) < 3 or end or not all(lines) or not _is_size(lines[1]):
        raise Malformed("not a checkpoint")
    root = _decoded(lines[2])
    if len(root) != 32:
        raise Malformed("not a checkpoint's root")
    return Checkpoint(lines[0], int(lines[1]), root)


def _is_size(text: str) -> bool:
    # Python reads no number of thousands of digits, and says so with an exception
    return len(text) <= DIGITS and text.isascii() and text.isdecimal() and str(int(text)) == text


def _is_name(text: str) -> bool:
    return bool(text) and not any(letter == "+" or letter.isspace() for letter in text)


def _is_plain(text: str) -> bool:
    """No control character but the line's end, and no half of a character: JSON may say one, no file of UTF-8 can."""
    return not NOT_PLAIN.search(text)


def _decoded(text: str) -> bytes:
    """Base64 in its one spelling; nothing where it is none."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if base64.b64encode(raw).decode() == text else b""
