"""The master key, the tenant keys it wraps, and the keys derived from those. Destroying a key makes data unreadable."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from milepost.domain.errors import ConfigurationError

SIZE = 32
NONCE = 12


def new_key() -> bytes:
    return os.urandom(SIZE)


def load_master_key(path: Path) -> tuple[bytes, bool]:
    """The key in a file (hex), written with mode 0600 if there is none. The flag tells that it is new."""
    try:
        return parse_master_key(path.read_text().strip()), False
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        hint = "Name a file of 64 hex digits, or a place where one may be made."
        raise ConfigurationError(f"The key in {path} cannot be read: {why}.", hint=hint) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    key = new_key()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was first
        return load_master_key(path)
    with os.fdopen(handle, "w") as file:
        file.write(key.hex() + "\n")
    return key, True


def parse_master_key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != SIZE:
        raise ConfigurationError("The master key must be 64 hex digits.", hint="Make one with: openssl rand -hex 32")
    return key


def wrap(master: bytes, secret: bytes, context: str) -> bytes:
    """AES-256-GCM under the master key; `context` names what the secret belongs to and is checked when it is opened."""
    nonce = os.urandom(NONCE)
    return nonce + AESGCM(master).encrypt(nonce, secret, context.encode())


def unwrap(master: bytes, wrapped: bytes, context: str) -> bytes:
    try:
        return AESGCM(master).decrypt(wrapped[:NONCE], wrapped[NONCE:], context.encode())
    except (InvalidTag, ValueError):  # a ValueError: shorter than anything that was ever wrapped
        raise ConfigurationError(
            f"The key of {context} does not open with this master key.",
            hint="Set MILEPOST_MASTER_KEY_FILE to the file the installation was made with.",
        ) from None


def derive(key: bytes, purpose: str) -> bytes:
    """HKDF-SHA-256: one key per purpose."""
    return HKDF(algorithm=SHA256(), length=SIZE, salt=None, info=f"milepost/{purpose}".encode()).derive(key)


def seal_address(master: bytes, url: str, tenant: str) -> str:
    """A database address as the control database keeps it."""
    return "enc:v1:" + base64.b64encode(wrap(master, url.encode(), f"address {tenant}")).decode()


def open_address(master: bytes, sealed: str, tenant: str) -> str:
    return unwrap(master, base64.b64decode(sealed.removeprefix("enc:v1:")), f"address {tenant}").decode()
