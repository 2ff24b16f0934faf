"""Files that wait have no name, and go with the process that has them open."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from milepost.storage import Spool
from milepost.storage.spool import DAY

KEEPER = """
import sys
from pathlib import Path
from milepost.storage import Spool
with Spool(Path(sys.argv[1])).open() as file:
    file.write(b"x" * 5_000_000)
    print("written", flush=True)
    sys.stdin.read()
"""


def test_what_is_written_is_read_again_and_gone_once_closed(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "uploads")
    with spool.open() as file:
        file.write(b"abc")
        file.seek(0)
        assert file.read() == b"abc"
        assert os.fstat(file.fileno()).st_nlink == 0

    assert list(spool.folder.iterdir()) == []  # type: ignore[union-attr]


def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KEEPER, str(tmp_path)]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == b"written\n"
        keeper.kill()

    assert list(tmp_path.iterdir()) == []


def test_what_a_machine_that_died_left_behind_goes_in_time(tmp_path: Path) -> None:
    old, young = tmp_path / "tmpold", tmp_path / "tmpyoung"
    for file in (old, young):
        file.write_bytes(b"")
    long_ago = old.stat().st_mtime - DAY - 60
    os.utime(old, (long_ago, long_ago))

    with Spool(tmp_path).open():
        assert [file.name for file in tmp_path.iterdir()] == ["tmpyoung"]


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "data" / "uploads")
    with spool.open():
        assert stat.S_IMODE((tmp_path / "data" / "uploads").stat().st_mode) == 0o700


def test_without_a_folder_the_systems_own_is_taken() -> None:
    with Spool().open() as file:
        assert os.fstat(file.fileno()).st_nlink == 0


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError):
        Spool(tmp_path / "file" / "uploads").open()
