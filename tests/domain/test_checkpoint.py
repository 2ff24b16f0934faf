"""Notes and checkpoints as C2SP writes them, with the example that Go's own note package shows."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from milepost.domain.checkpoint import (
    Checkpoint,
    Malformed,
    key_id,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    signed,
    verifier_key,
)

NAME = "PeterNeumann"
VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"


def test_the_known_note_is_read_and_its_signature_holds() -> None:
    public, note = parse_verifier_key(VERIFIER), parse_note(NOTE)
    [line] = note.signatures

    assert (line.name, line.key_id) == (NAME, key_id(NAME, public))
    Ed25519PublicKey.from_public_bytes(public).verify(line.signature, note.text.encode())


def test_what_was_read_is_written_the_same() -> None:
    public, note = parse_verifier_key(VERIFIER), parse_note(NOTE)

    assert verifier_key(NAME, public) == VERIFIER
    assert signed(note.text, NAME, public, note.signatures[0].signature) == NOTE


def test_the_known_checkpoint_is_read_and_written_the_same() -> None:
    read = parse_checkpoint(CHECKPOINT)

    assert (read.origin, read.size, len(read.root)) == ("example.com/behind-the-sofa", 20852163, 32)
    assert Checkpoint(*read).text() == CHECKPOINT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x\n1\n",
        CHECKPOINT[:-1],
        CHECKPOINT.replace("20852163", "020852163"),
        CHECKPOINT.replace("20852163", "-1"),
        CHECKPOINT.replace("20852163", "٣"),
        CHECKPOINT.replace("2I=", "!!="),
        CHECKPOINT.replace("CsUY", ""),
        CHECKPOINT.replace("example.com/behind-the-sofa", ""),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "note", ["", "text\n", NOTE[:-1], NOTE.replace("— ", "- "), NOTE.replace("x08go", "!"), NOTE.replace("\n\n", "\n")]
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(Malformed):
        parse_note(note)


@pytest.mark.parametrize(
    "text",
    ["", "a+b", VERIFIER[:-1], VERIFIER.replace("c74f", "c74e"), VERIFIER.replace("Peter", "Petra"), VERIFIER[:-4]],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_verifier_key(text)
