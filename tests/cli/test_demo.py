"""The demonstration, in a pipe and on a terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.running import clean_environment, new_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
DEMO = [sys.executable, "-P", "-m", "milepost.cli.app", "demo"]
WITHIN_SECONDS = 60


def test_the_demo_ends_well_within_a_minute_and_leaves_nothing_behind():
    with new_folder() as folder:
        folder.mkdir()
        began = time.monotonic()

        ended = subprocess.run(
            DEMO, cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=150, check=False
        )

        assert ended.returncode == 0, ended.stderr
        assert time.monotonic() - began < WITHIN_SECONDS
        assert "24 executions submitted in one request." in ended.stdout
        assert "6 stickers submitted in another." in ended.stdout
        assert "30 succeeded" in ended.stdout
        assert "RUNNING → COMPLETED" in ended.stdout
        assert "How to look further" in ended.stdout
        assert "\x1b" not in ended.stdout, "a pipe gets plain lines"
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_cleans_up(number: signal.Signals):
    with new_folder() as folder:
        folder.mkdir()
        process = subprocess.Popen(
            [*DEMO, "--jobs", "3000"],
            cwd=folder,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            assert process.stdout
            assert any(b"submitted in one request" in line for line in process.stdout), "it ended before"
            process.send_signal(number)
            _, complaints = process.communicate(timeout=60)
        finally:
            process.kill()

        assert process.returncode == 130
        assert complaints == b""
        assert list(folder.iterdir()) == []


def test_on_a_terminal_the_demo_draws_bars():
    with new_folder() as folder:
        folder.mkdir()
        ours, theirs = pty.openpty()
        environment = clean_environment(TERM="xterm", COLUMNS="100")
        process = subprocess.Popen([*DEMO, "--jobs", "6"], cwd=folder, env=environment, stdout=theirs, stderr=theirs)
        os.close(theirs)
        seen = _everything(ours)

        assert process.wait(timeout=60) == 0
        assert "━" in seen
        assert "6/6" in seen, "three executions and three stickers"
        assert "all" in seen


def _everything(descriptor: int) -> str:
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # what a terminal says when its last user has left
            part = b""
        if not part:
            os.close(descriptor)
            return b"".join(parts).decode(errors="replace")
        parts.append(part)


def test_the_demo_leaves_its_stickers_where_it_was_told_to():
    with new_folder() as folder:
        folder.mkdir()
        options = ["--jobs", "4", "--stickers", str(folder / "stickers")]

        ended = subprocess.run(
            [*DEMO, *options],
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

        assert ended.returncode == 0, ended.stderr
        assert "stickers/ for you to look at" in ended.stdout
        files = sorted((folder / "stickers").iterdir())
        assert [file.name for file in files] == ["sticker-1.png", "sticker-2.png"]
        assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
        assert list(folder.iterdir()) == [folder / "stickers"]
