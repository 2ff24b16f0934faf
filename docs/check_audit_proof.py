"""Checks what `milepost audit prove` wrote: check_audit_proof.py PROOF.json PUBLIC-KEY-FILE. Needs `cryptography` alone.

Exits with 0 where every row is in a tree that one of the keys has signed, with 1 where anything is wrong, and says what.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "milepost-audit-proof/1"
ED25519 = b"\x01"


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
    keys = [key_of(line) for line in Path(key_file).read_text(encoding="utf-8").split()]
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
    parts = line.split("+", 2)
    raw = base64.b64decode(parts[-1], validate=True) if len(parts) == 3 else b""
    need(len(raw) == 33 and raw[:1] == ED25519, "a line of the key file is no key")
    return raw[1:]


def signed_tree(note: str, log: str, keys: list[bytes]) -> tuple[int, bytes]:
    """Size and root of the log's tree."""
    text, _, below = note.rpartition("\n\n")
    text += "\n"
    origin, size, root = [*text.split("\n"), "", ""][:3]
    need(origin == log and size.isdecimal(), "its checkpoint is not one of its log")
    ids = {hashlib.sha256(f"{log}\n".encode() + ED25519 + key).digest()[:4]: key for key in keys}
    for line in below.splitlines():
        name, _, signature = line.removeprefix("\N{EM DASH} ").partition(" ")
        raw = base64.b64decode(signature, validate=True)
        if name == log and raw[:4] in ids:
            verify(ids[raw[:4]], raw[4:], text)
            return int(size), base64.b64decode(root, validate=True)
    raise ValueError("no known key has signed the checkpoint of this log")


def verify(key: bytes, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text.encode())
    except InvalidSignature:
        raise ValueError("its signature is forged") from None


def check_row(row: dict, size: int, root: bytes, resource: str) -> None:
    leaf, index = row["leaf"], row["leaf_index"]
    path = [bytes.fromhex(step) for step in row["path"]]
    # True is a number to Python, and 7.0 is 7
    need(type(index) is int and 0 <= index < size, "it has a leaf outside the tree")
    found = root_of(hashlib.sha256(b"\x00" + leaf.encode()).digest(), index, size, path)
    need(found == root, f"leaf {index} is not in the signed tree")
    need(json.loads(leaf)["resource_id"] == resource, f"leaf {index} is not about {resource}")


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Where the path leads; None if it is not as long as the way from this leaf to the root (RFC 9162, 2.1.3.2)."""
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
