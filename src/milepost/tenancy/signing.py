"""The key that signs checkpoints of the audit logs, and the public keys that check them. No database holds either."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from milepost.domain import checkpoint
from milepost.domain.checkpoint import Checkpoint, Malformed
from milepost.domain.errors import ConfigurationError
from milepost.tenancy.keys import load_master_key, parse_master_key

NAME = "milepost"
NEWLINE = "\n"


class SigningKey:
    """Ed25519. It shows its public half alone."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, said: Checkpoint) -> str:
        """The signed note, under the name of its log."""
        text = said.text()
        return checkpoint.signed(text, said.origin, self.public, self._key.sign(text.encode()))

    def key_id(self, origin: str) -> str:
        return checkpoint.key_id(origin, self.public).hex()

    def verifier(self, name: str = NAME) -> str:
        return checkpoint.verifier_key(name, self.public)


class PublicKeys:
    """Those whose signatures count."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {key: Ed25519PublicKey.from_public_bytes(key) for key in keys}

    def __len__(self) -> int:
        return len(self._keys)

    def lines(self) -> list[str]:
        return [checkpoint.verifier_key(NAME, key) for key in self._keys]

    def open(self, note: str, origin: str) -> Checkpoint:
        """What a log has signed. Raises Malformed with what is wrong with it."""
        read = checkpoint.parse_note(note)
        said = checkpoint.parse_checkpoint(read.text)
        if said.origin != origin:
            raise Malformed(f"it is of {said.origin}, not of {origin}")
        ids = {checkpoint.key_id(origin, raw): key for raw, key in self._keys.items()}
        known = [line for line in read.signatures if line.name == origin and line.key_id in ids]
        if not known:
            raise Malformed("no known key has signed it")
        for line in known:
            _verify(ids[line.key_id], line.signature, read.text)
        return said


def _verify(key: Ed25519PublicKey, signature: bytes, text: str) -> None:
    try:
        key.verify(signature, text.encode())
    except InvalidSignature:
        raise Malformed("its signature is forged") from None


def load_signing_key(path: Path) -> tuple[SigningKey, bool]:
    """The key in a file (hex), written with mode 0600 if there is none. The flag tells that it is new."""
    seed, new = load_master_key(path)
    return SigningKey(seed), new


def parse_signing_key(text: str) -> SigningKey:
    try:
        return SigningKey(parse_master_key(text.strip()))
    except ConfigurationError:
        raise ConfigurationError("The audit signing key must be 64 hex digits.") from None


def publish(key: SigningKey, path: Path) -> None:
    """Adds the public half to a file of keys that count, unless it stands there: what older keys signed stays good.

    On disk when it returns. Raises OSError.
    """
    known = path.read_text() if path.exists() else ""
    line = key.verifier()
    if line in known.splitlines():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        # one append: of two writers neither loses the other's line
        data = f"{'' if known.endswith(NEWLINE) or not known else NEWLINE}{line}\n".encode()
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, f"{path} was not written to its end")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_public_keys(path: Path) -> PublicKeys:
    """One a line; blank lines do not count. Raises ConfigurationError."""
    hint = "'milepost audit key' prints the public key; MILEPOST_AUDIT_PUBLIC_KEY_FILE says where it is kept."
    try:
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        keys = [checkpoint.parse_verifier_key(line) for line in lines]
    except OSError as error:
        raise ConfigurationError(f"The audit's public keys cannot be read: {error}.", hint=hint) from None
    except Malformed as error:
        raise ConfigurationError(f"{path} holds a line that is {error}.", hint=hint) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is no file of public keys: it holds no text.", hint=hint) from None
    if not keys:
        raise ConfigurationError(f"{path} holds no public key.", hint=hint)
    return PublicKeys(keys)
