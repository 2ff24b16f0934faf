"""Settings come from the environment, and what is empty or wrong there is told apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from milepost.settings import Settings, read_stack
from tests.cli.running import call


@pytest.mark.parametrize("name", ["API_KEY", "DATABASE_URL", "REDIS_URL", "MODE", "PORT", "MASTER_KEY", "POOLER"])
def test_an_empty_variable_sets_nothing(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(f"MILEPOST_{name}", "")

    assert Settings().model_fields_set == set()


def test_an_empty_variable_does_not_hide_its_other_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MILEPOST_DATABASE_URL", "")
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/else")

    assert Settings().need("database_url") == "postgresql://somewhere/else"


def test_an_empty_key_is_told_as_a_missing_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MILEPOST_API_KEY", "")

    said = call("jobs", "list", "--data-dir", str(tmp_path))

    assert said.code == 2
    assert "The setting api_key is missing" in said.err


@pytest.mark.parametrize("port", ["abc", "70000", "-1"])
@pytest.mark.parametrize("command", ["up", "doctor"])
def test_a_port_that_is_none_is_told_in_one_line(
    command: str, port: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MILEPOST_PORT", port)

    said = call(command, "--data-dir", str(tmp_path))

    assert said.code == 2
    assert said.err.startswith("error: A setting is wrong: port: ")
    assert "http" not in said.err
    assert "pydantic" not in said.err


@pytest.mark.parametrize("text", ["5", "[]", '[["api_url", "x"]]', "null", "{", "\xff"])
def test_a_note_that_is_none_is_told_with_what_to_do(text: str, tmp_path: Path):
    (tmp_path / "milepost.json").write_bytes(text.encode("latin-1"))

    said = call("jobs", "list", "--data-dir", str(tmp_path))

    assert said.code == 2
    assert "milepost.json cannot be read" in said.err
    assert "Stop the stack and start it again" in said.err


def test_where_no_stack_is_there_is_no_note(tmp_path: Path):
    assert read_stack(tmp_path) == {}
