"""Help costs nothing and tells the exit codes; nonsense is told in one line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from milepost import __version__
from milepost.cli.app import COMMANDS
from tests.cli.running import call


def test_help_names_every_command_and_exit_code():
    said = call("--help")

    assert said.code == 0
    assert all(command in said.out for command in COMMANDS)
    assert "3 not found" in said.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str):
    said = call(command, "--help")

    assert said.code == 0
    assert "Usage: milepost" in said.out


def test_the_version_is_the_packages():
    assert call("--version").out == f"milepost {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [("frobnicate",), ("jobs", "frobnicate"), ("up", "--port", "x"), ("jobs", "show"), ("--nothing",)]
)
def test_what_is_no_command_is_told_in_one_line_and_a_hint(arguments: tuple[str, ...]):
    said = call(*arguments)

    assert said.code == 2
    assert [line[:2] for line in said.err.splitlines()] == ["er", "  "]
    assert "--help" in said.err


@pytest.mark.parametrize("arguments", [(), ("jobs",), ("db",)])
def test_a_noun_alone_answers_with_its_help(arguments: tuple[str, ...]):
    said = call(*arguments)

    assert said.code == 2
    assert "Commands" in said.out


def test_a_command_of_the_api_imports_no_server():
    code = (
        "import sys; from milepost.cli.app import build; build(['jobs']);"
        "sys.exit(bool({'fastapi', 'uvicorn', 'arq', 'alembic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_setting_that_is_none_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MILEPOST_MODE", "party")

    said = call("jobs", "list")

    assert said.code == 2
    assert len(said.err.splitlines()) == 1
    assert "mode" in said.err
