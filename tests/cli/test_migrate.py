"""`milepost migrate` does what it was asked or says why not."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from milepost.db.migrate import current, head
from milepost.db.urls import database_name, with_database
from tests.cli.running import Said, call
from tests.db_fixtures import drop_installation

numbers = count()


@pytest.fixture
def database(template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a database that is not there yet, in the environment."""
    url = with_database(template, f"migrated_{next(numbers)}")
    monkeypatch.setenv("MILEPOST_DATABASE_URL", url)
    yield url
    asyncio.run(drop_installation(template, database_name(url)))


def migrate(folder: Path, *arguments: str) -> Said:
    return call("migrate", "--data-dir", str(folder), *arguments)


def test_going_back_goes_back_and_going_on_goes_on(database: str, tmp_path: Path):
    assert migrate(tmp_path).code == 0

    back = migrate(tmp_path, "--history", "tenant", "--revision", "0003", "--down")
    on = migrate(tmp_path, "--history", "tenant")

    assert (back.code, back.out.split()) == (0, ["tenant", "0003"])
    assert (on.code, on.out.split()) == (0, ["tenant", head("tenant")])


@pytest.mark.parametrize("arguments", [(), ("--history", "tenant"), ("--revision", "0001")])
def test_going_back_without_a_history_and_a_revision_is_refused(
    database: str, tmp_path: Path, arguments: tuple[str, ...]
):
    said = migrate(tmp_path, "--down", *arguments)

    assert said.code == 2
    assert "--history tenant --revision … --down" in said.err
    assert not list(tmp_path.iterdir()), "nothing was begun"


def test_an_earlier_revision_without_down_is_refused_and_not_silently_passed_over(database: str, tmp_path: Path):
    assert migrate(tmp_path).code == 0

    said = migrate(tmp_path, "--history", "tenant", "--revision", "0001")

    assert (said.code, said.out) == (4, "")
    assert f"stays at {head('tenant')}" in said.err
    assert "--down" in said.err
    assert asyncio.run(current(database)) == head("tenant")


def test_a_first_start_says_where_it_wrote_the_master_key_and_a_second_writes_none(database: str, tmp_path: Path):
    first, second = migrate(tmp_path, "--json"), migrate(tmp_path, "--json")

    key = tmp_path / "master.key"
    assert first.json == second.json == {"control": head("control"), "tenant": head("tenant")}
    assert f"A new master key was written to {key}." in first.err
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text().strip() not in first.out + first.err
    assert second.err == ""


def test_no_key_is_written_for_a_database_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MILEPOST_DATABASE_URL", "postgresql://o:secret@127.0.0.1:9/x")

    said = migrate(tmp_path / "new")

    assert said.code == 5
    assert not (tmp_path / "new").exists()


def test_no_key_is_written_for_a_database_that_was_made_with_another(database: str, tmp_path: Path):
    assert migrate(tmp_path / "first").code == 0

    said = migrate(tmp_path / "second")

    assert said.code == 2
    assert "made with a master key that is not here" in said.err
    assert "MILEPOST_MASTER_KEY" in said.err
    assert not (tmp_path / "second").exists()


def test_production_makes_no_key_and_says_which_setting_gives_it(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MILEPOST_MODE", "production")
    refused = migrate(tmp_path)
    monkeypatch.setenv("MILEPOST_MASTER_KEY", "5e" * 32)
    given = migrate(tmp_path)

    assert refused.code == 2
    assert "openssl rand -hex 32" in refused.err
    assert "MILEPOST_MASTER_KEY" in refused.err
    assert (given.code, given.err) == (0, "")
    assert not (tmp_path / "master.key").exists()


@pytest.mark.parametrize("process", [("api", "--port", "0"), ("worker", "executions"), ("maintain",)])
def test_no_other_process_makes_a_master_key(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, process: tuple[str, ...]
):
    monkeypatch.setenv("MILEPOST_REDIS_URL", "redis://127.0.0.1:9")
    assert migrate(tmp_path / "first").code == 0

    said = call(*process, "--data-dir", str(tmp_path / "second"))

    assert said.code == 2
    assert "There is no master key in" in said.err
    assert "MILEPOST_MASTER_KEY" in said.err
    assert not (tmp_path / "second").exists()


def test_a_master_key_that_is_none_is_told_without_showing_it(database: str, tmp_path: Path):
    (tmp_path / "master.key").write_text("hunter2")

    said = migrate(tmp_path)

    assert said.code == 2
    assert "64 hex digits" in said.err
    assert "hunter2" not in said.err
