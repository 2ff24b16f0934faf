"""Checks what `milepost audit prove` wrote: check_audit_proof.py PROOF.json PUBLIC-KEY-FILE. Needs `cryptography` alone.

Exits with 0 where every row is in a tree that one of the keys has signed, with 1 where anything is wrong, and says what.
"""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "milepost-audit-proof/1"
ED25519 = b"\x01"
MARK = "\N{EM DASH} "
MOST_SIGNATURES = 100
SIZE = re.compile("0|[1-9][0-9]{0,18}")
HASH = re.compile("[0-9a-f]{64}")


def main(arguments: list[str]) -> None:
    if len(arguments) != 2:
        print("usage: check_audit_proof.py PROOF.json PUBLIC-KEY-FILE", file=sys.stderr)
        sys.exit(2)
    try:
        print(checked(*arguments))
    except KeyError as error:
        sys.exit(f"not a proof: it has no {error}")
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        # one line, whatever was put into the file
        sys.exit(f"not a proof: {' '.join(str(error).split())[:200]}")


def checked(proof_file: str, key_file: str) -> str:
    """What is proven. Raises ValueError, or what Python says of JSON of another shape."""
    proof = json.loads(Path(proof_file).read_text(encoding="utf-8"))
    keys = [key_of(line) for line in Path(key_file).read_text(encoding="utf-8").splitlines() if line.strip()]
    need(proof["format"] == FORMAT, f"its format is not {FORMAT}")
    size, root = signed_tree(proof["checkpoint"], proof["log"], keys)
    rows, resource = proof["rows"], proof["resource"]
    need(isinstance(rows, list) and rows, "it has no rows")
    for row in rows:
        check_row(row, size, root, resource)
    need(len({row["leaf_index"] for row in rows}) == len(rows), "it has a leaf twice")
    return f"{len(rows)} rows of {resource} are in the signed tree of {size} rows"


def need(fact: object, otherwise: str) -> None:
    if not fact:
        raise ValueError(otherwise)


def key_of(line: str) -> bytes:
    """A line is name, key id, and the key behind one byte for its algorithm."""
    line = line.strip()
    name, told, encoded = [*line.split("+", 2), "", ""][:3]
    raw = decoded(encoded)
    readable = is_plain(line) and is_name(name) and len(raw) == 33 and raw[:1] == ED25519
    need(readable and key_id(name, raw[1:]).hex() == told, "a line of the key file is no key")
    return raw[1:]


def key_id(name: str, key: bytes) -> bytes:
    return hashlib.sha256(f"{name}\n".encode() + ED25519 + key).digest()[:4]


def signed_tree(note: str, log: str, keys: list[bytes]) -> tuple[int, bytes]:
    """Size and root of the log's tree. The note's grammar stands in docs/audit.md."""
    text, gap, below = note.rpartition("\n\n")
    need(gap and below.endswith("\n") and is_plain(note), "its checkpoint is no signed note")
    lines = [signature_of(line) for line in below[:-1].split("\n")]
    need(len(lines) <= MOST_SIGNATURES, "its checkpoint has too many signatures")
    said = text.split("\n")
    need(len(said) >= 3 and all(said) and said[0] == log, "its checkpoint is not one of its log")
    need(SIZE.fullmatch(said[1]) and len(decoded(said[2])) == 32, "its checkpoint has no size or no root")
    ids = {key_id(log, key): key for key in keys}
    known = [(ids[which], signature) for name, which, signature in lines if name == log and which in ids]
    need(known, "no known key has signed the checkpoint of this log")
    for key, signature in known:
        verify(key, signature, f"{text}\n")
    return int(said[1]), decoded(said[2])


def signature_of(line: str) -> tuple[str, bytes, bytes]:
    """Whose it says it is, the id of the key, and the signature."""
    name, _, told = line.removeprefix(MARK).partition(" ")
    raw = decoded(told)
    need(line.startswith(MARK) and is_name(name) and len(raw) >= 5, "its checkpoint has a line that is no signature")
    return name, raw[:4], raw[4:]


def is_plain(text: str) -> bool:
    return not re.search("[\\x00-\\x09\\x0b-\\x1f\ud800-\udfff]", text)


def is_name(text: str) -> bool:
    return bool(text) and not any(letter == "+" or letter.isspace() for letter in text)


def decoded(text: str) -> bytes:
    """Base64 in its one spelling; nothing where it is none."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if base64.b64encode(raw).decode() == text else b""


def verify(key: bytes, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text.encode())
    except InvalidSignature:
        raise ValueError("its signature is forged") from None


def check_row(row: dict, size: int, root: bytes, resource: str) -> None:
    leaf, index = row["leaf"], row["leaf_index"]
    need(all(HASH.fullmatch(step) for step in row["path"]), f"leaf {index} has a path of something else than hashes")
    path = [bytes.fromhex(step) for step in row["path"]]
    # True is a number to Python, and 7.0 is 7
    need(type(index) is int and 0 <= index < size, "it has a leaf outside the tree")
    found = root_of(hashlib.sha256(b"\x00" + leaf.encode()).digest(), index, size, path)
    need(found == root, f"leaf {index} is not in the signed tree")
    need(json.loads(leaf)["resource_id"] == resource, f"leaf {index} is not about {resource}")


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Where the path leads; None if it is not as long as the way from this leaf to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return None
    last, root = size - 1, leaf
    for neighbour in path:
        if last == 0 or len(neighbour) != 32:
            return None
        right = index % 2 == 1 or index == last
        root = hashlib.sha256(b"\x01" + (neighbour + root if right else root + neighbour)).digest()
        while right and index and index % 2 == 0:
            index, last = index // 2, last // 2
        index, last = index // 2, last // 2
    return root if last == 0 else None


if __name__ == "__main__":
    main(sys.argv[1:])
