"""Both servers end with their parent, however it dies, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from milepost.embedded import EmbeddedPostgres, EmbeddedRedis
from tests.embedded.processes import Starter, wait_for_end

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")


@needs_linux
@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_parents_death_leaves_no_process(folder: Path, number: signal.Signals):
    with Starter(folder) as parent:
        family = parent.family()
        assert len(family) > 2, "PostgreSQL has helpers"

        parent.kill_by(number)

        wait_for_end(family)
        assert not (folder / "pg" / "cluster" / "postmaster.pid").exists(), "it had the time to shut down"


@needs_linux
@pytest.mark.faults
def test_new_parent_starts_at_once_after_the_old_one_was_killed(folder: Path):
    with Starter(folder) as first:
        first.kill_by(signal.SIGKILL)

    with Starter(folder) as second:
        assert second.finish() == 0


@needs_linux
def test_orderly_end_leaves_no_process(folder: Path):
    with Starter(folder) as parent:
        family = parent.family()

        assert parent.finish() == 0

        wait_for_end(family)


def test_ctrl_c_at_the_terminal_does_not_reach_the_servers(folder: Path):
    with EmbeddedPostgres(folder / "pg", settings={"fsync": "off"}) as postgres, EmbeddedRedis(folder / "r") as redis:
        assert os.getpgid(0) not in {os.getpgid(postgres.pid), os.getpgid(redis.pid)}
