"""The file of public keys grows line by line, and showing the key writes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from milepost.cli.sealing import public_key_lines, public_keys, signing_key
from milepost.settings import Settings
from milepost.tenancy.signing import SigningKey, publish, read_public_keys


def test_keys_that_are_published_at_once_all_stay(tmp_path: Path) -> None:
    file = tmp_path / "audit.pub"
    made = [SigningKey(bytes([number] * 32)) for number in range(20)]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: publish(key, file), made * 2))

    assert set(read_public_keys(file).lines()) == {key.verifier() for key in made}


def test_a_line_is_added_behind_one_without_an_end_and_never_twice(tmp_path: Path) -> None:
    file = tmp_path / "audit.pub"
    first, second = SigningKey(b"1" * 32), SigningKey(b"2" * 32)
    file.write_text(first.verifier())

    for key in (first, second, second):
        publish(key, file)
    assert file.read_text() == f"{first.verifier()}\n{second.verifier()}\n"


def test_showing_the_key_writes_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    key = signing_key(settings)
    (tmp_path / "audit.pub").unlink()

    assert public_key_lines(settings) == [key.verifier()]
    assert [file.name for file in tmp_path.iterdir()] == ["audit.key"]
    assert signing_key(settings).public == key.public
    assert public_keys(settings).lines() == [key.verifier()]
