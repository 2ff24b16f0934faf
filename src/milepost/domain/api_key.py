"""The form of an API key: `sk_`, 43 characters of chance, 6 of checksum, and the tenant where it is not the default."""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from dataclasses import dataclass

DEFAULT_TENANT = "default"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = re.compile(r"(sk_[0-9A-Za-z]{43})([0-9A-Za-z]{6})(?:\.([a-z0-9][a-z0-9_-]{0,62}))?", re.ASCII)
CHANCE_BYTES = 32
SHOWN = 8


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A key whose checksum is right. Its text never shows in a repr."""

    text: str
    tenant: str

    @property
    def prefix(self) -> str:
        """What tells keys apart without giving them away."""
        return self.text[:SHOWN]

    def __repr__(self) -> str:
        return f"Key({self.prefix}…)"


def make_key(chance: bytes, tenant: str = DEFAULT_TENANT) -> Key:
    """`chance` is 32 random bytes."""
    if len(chance) != CHANCE_BYTES:
        raise ValueError(f"a key is made of {CHANCE_BYTES} random bytes")
    body = "sk_" + _base62(int.from_bytes(chance), 43)
    suffix = "" if tenant == DEFAULT_TENANT else f".{tenant}"
    return Key(f"{body}{_checksum(body)}{suffix}", tenant)


def parse_key(text: str) -> Key | None:
    """None for whatever is no key: a typing error costs no query."""
    match = FORM.fullmatch(text)
    if match is None or _checksum(match[1]) != match[2]:
        return None
    if match[3] == DEFAULT_TENANT:  # one key, one spelling
        return None
    return Key(text, match[3] or DEFAULT_TENANT)


def hash_key(text: str, pepper: bytes | None = None) -> str:
    """What is stored of a key: 64 hex digits."""
    if pepper is None:
        return hashlib.sha256(text.encode()).hexdigest()
    return hmac.digest(pepper, text.encode(), "sha256").hex()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), 6)


def _base62(number: int, width: int) -> str:
    digits: list[str] = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        digits.append(DIGITS[rest])
    return "".join(reversed(digits))
