"""The stack's life: nothing outlives it, everything comes back, the folder is used again."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import WITHIN_SECONDS, Up, call
from tests.embedded.processes import wait_for_end, with_children

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for place in (tmp_path, *list(tmp_path.parents)[:2]):
        place.chmod(0o755)
    yield tmp_path / "stack"


def family(up: Up) -> list[int]:
    return with_children(list(up.note["pids"].values()))


def test_a_killed_stack_leaves_no_process_and_the_next_one_uses_its_folder_and_key(folder: Path):
    with Up(folder) as first:
        processes, key = family(first), first.note["api_key"]
        assert len(processes) > 6

        first.end_by(signal.SIGKILL)
        wait_for_end(processes)

    with Up(folder) as second:
        assert second.note["api_key"] == key
        assert "master key" not in second.greeting
        assert call("jobs", "list", "--data-dir", str(folder)).code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_stack_takes_its_note_with_it(folder: Path, number: signal.Signals):
    with Up(folder) as up:
        processes = family(up)

        assert up.end_by(number) == 0

        wait_for_end(processes)
        assert not (folder / "milepost.json").exists()


@pytest.mark.parametrize("name", ["api", "worker-executions", "maintenance", "redis", "postgres"])
def test_what_dies_comes_back_and_work_goes_on(folder: Path, name: str):
    with Up(folder) as up:
        before = up.note["pids"][name]
        os.kill(before, signal.SIGKILL)
        _wait_for_new_pid(up, name, before)

        said = call("submit", "execution", "Is anybody there?", "--wait", "--json", "--data-dir", str(folder))

        assert (said.code, said.json["status"]) == (0, "COMPLETED"), said.err


def _wait_for_new_pid(up: Up, name: str, before: int) -> None:
    """The note is written anew when a process was started again; what `up` says meanwhile is the sign to look."""
    assert up.process.stderr
    ready, _, _ = select.select([up.process.stderr], [], [], WITHIN_SECONDS)
    assert ready, f"nothing was said about the end of {name} ({before})"
