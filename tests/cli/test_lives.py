"""The stack's life: nothing outlives it, everything comes back, the folder is used again."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import WITHIN_SECONDS, Up, call, new_folder
from tests.embedded.processes import wait_for_end, with_children

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's"),
]


@pytest.fixture
def folder() -> Iterator[Path]:
    with new_folder() as made:
        yield made


@pytest.fixture(scope="module")
def enduring() -> Iterator[Up]:
    """A stack whose parts are killed one after another."""
    with new_folder() as made, Up(made) as up:
        yield up


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
def test_what_dies_comes_back_and_work_goes_on(enduring: Up, name: str):
    before = enduring.note["pids"][name]

    os.kill(before, signal.SIGKILL)
    told = _next_line(enduring)
    said = call("submit", "execution", "Is anybody there?", "--wait", "--json", "--data-dir", str(enduring.folder))

    assert name.partition("-")[0] in told.lower()
    assert (said.code, said.json["status"]) == (0, "COMPLETED"), said.err
    assert call("verify", "--data-dir", str(enduring.folder)).code == 0


def _next_line(up: Up) -> str:
    """What the stack says about itself next, within a time that is long for it."""
    assert up.process.stderr
    ready, _, _ = select.select([up.process.stderr], [], [], WITHIN_SECONDS)
    assert ready, "nothing was said"
    return up.process.stderr.readline()
