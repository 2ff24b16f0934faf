"""Keys in files and in the control database: they grow line by line, and one that is none is told of in a line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from milepost.cli.audit import names_of
from milepost.cli.sealing import public_key_lines, public_keys, signing_key
from milepost.domain.errors import ConfigurationError
from milepost.engine.audit.check import Seen, check_audit
from milepost.settings import Settings
from milepost.tenancy.directory import Directory
from milepost.tenancy.signing import SigningKey, load_signing_key, publish, read_public_keys
from tests.sealing.conftest import INSTALLATION, Scene


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


@pytest.mark.parametrize(
    ("wrapped", "fault"),
    [(None, "knows no such tenant"), (b"\0", "does not open"), (b"\0" * 60, "does not open")],
)
async def test_a_tenants_key_that_is_gone_or_opens_no_more_is_a_finding_and_not_the_end(
    scene: Scene, wrapped: bytes | None, fault: str
) -> None:
    if wrapped is not None:
        await scene.keeper.execute(
            "INSERT INTO tenants (id, name, database_url, database_name, key_wrapped)"
            " VALUES ('default', 'x', 'env:NOWHERE', 'x', $1)",
            wrapped,
        )
    await scene.live()
    await scene.seal()
    directory = Directory(scene.control.connections, bytes(32), known={}, environment={}.get)

    seen = Seen("default", scene.tenant, *await names_of(directory))
    report = await check_audit(scene.control, [seen], scene.keys, scene.anchors, installation=INSTALLATION)

    assert [fault in wrong.what for wrong in report.wrong] == [True]
    assert report.logs[0].rows == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "holds no public key"), (b"\n\n", "holds no public key"), (b"\xff\xfe\x00", "holds no text"),
     ("milepost+é+é\n".encode(), "not an Ed25519 verifier key"), (b"rubbish\n", "not an Ed25519 verifier key")],
)  # fmt: skip
def test_a_file_that_holds_no_public_keys_is_a_wrong_setting(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=told) as refused:
        read_public_keys(file)
    assert "milepost audit key" in (refused.value.hint or "")


def test_a_folder_or_binary_file_is_no_signing_key(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    for path in (tmp_path, tmp_path / "binary", tmp_path / "binary" / "key"):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load_signing_key(path)
