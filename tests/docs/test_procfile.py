"""The Procfile names real commands, a worker for every kind, and a release that migrates."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from milepost.cli.app import COMMANDS
from milepost.kinds import all_kinds

PROCFILE = Path(__file__).parents[2] / "Procfile"
LINES = dict(line.split(": ", 1) for line in PROCFILE.read_text().splitlines())


def test_there_is_a_line_for_everything_that_runs():
    workers = {f"worker_{kind.path}": f"milepost worker {kind.path}" for kind in all_kinds()}

    assert workers.items() <= LINES.items()
    assert set(LINES) == {"release", "web", "maintenance", *workers}


@pytest.mark.parametrize("line", LINES.values())
def test_every_line_is_a_command_of_ours(line: str):
    program, command, *_ = shlex.split(line)

    assert program == "milepost"
    assert command in COMMANDS
