"""The verifier that PostgreSQL keeps in place of a password, so that the password itself never crosses a wire or a log."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from base64 import b64encode

ITERATIONS = 4096
PROHIBITED = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def verifier(password: str, salt: bytes | None = None) -> str:
    """SCRAM-SHA-256 (RFC 5802, RFC 7677), in the form that pg_authid holds."""
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", _prepared(password), salt, ITERATIONS)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    server = _keyed(salted, b"Server Key")
    return f"SCRAM-SHA-256${ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(server)}"


def _prepared(password: str) -> bytes:
    """SASLprep (RFC 4013), as server and clients do it: a password that it forbids is taken as it is."""
    kept = (character for character in password if not stringprep.in_table_b1(character))
    mapped = "".join(" " if stringprep.in_table_c12(character) else character for character in kept)
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    allowed = bool(normal) and _one_direction(normal) and not any(no(c) for c in normal for no in PROHIBITED)
    return (normal if allowed else password).encode()


def _one_direction(text: str) -> bool:
    """RFC 3454, section 6: what has a character from right to left begins and ends with one, and has no other way."""
    if not any(map(stringprep.in_table_d1, text)):
        return True
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return ends and not any(map(stringprep.in_table_d2, text))


def _keyed(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _text(value: bytes) -> str:
    return b64encode(value).decode()
