"""Checks what `milepost audit prove` wrote: check_audit_proof.py PROOF.json PUBLIC-KEY-FILE. Needs `cryptography` alone."""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    last, root = size - 1, leaf
    for neighbour in path:
        right = index % 2 == 1 or index == last
        root = hashlib.sha256(b"\x01" + (neighbour + root if right else root + neighbour)).digest()
        while right and index and index % 2 == 0:
            index, last = index // 2, last // 2
        index, last = index // 2, last // 2
    return root if last == 0 else None


proof = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
keys = [base64.b64decode(line.split("+", 2)[2])[1:] for line in Path(sys.argv[2]).read_text(encoding="utf-8").split()]
text, _, below = proof["checkpoint"].rpartition("\n\n")
text, name, signature = text + "\n", *below.removeprefix("— ").split()
origin, size, root = text.split("\n")[:3]
ids = {hashlib.sha256(f"{name}\n".encode() + b"\x01" + key).digest()[:4]: key for key in keys}
raw = base64.b64decode(signature)
if name != origin or origin != proof["log"] or raw[:4] not in ids:
    sys.exit("no known key has signed the checkpoint of this log")
Ed25519PublicKey.from_public_bytes(ids[raw[:4]]).verify(raw[4:], text.encode())  # raises where it is forged
for row in proof["rows"]:
    leaf = hashlib.sha256(b"\x00" + row["leaf"].encode()).digest()
    found = root_of(leaf, row["leaf_index"], int(size), [bytes.fromhex(step) for step in row["path"]])
    if found != base64.b64decode(root) or json.loads(row["leaf"])["resource_id"] != proof["resource"]:
        sys.exit(f"leaf {row['leaf_index']} is not in the signed tree")
print(f"{len(proof['rows'])} rows of {proof['resource']} are in the signed tree of {size} rows")
