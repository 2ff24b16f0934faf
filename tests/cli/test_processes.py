"""The commands of the Procfile as processes of their own, beside a running stack: they start, serve and end in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.cli.running import WITHIN_SECONDS, Said, Up, clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@contextmanager
def running(stack: Up, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process, once it has said that it is ready."""
    reads, writes = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "milepost.cli.app", *arguments, "--data-dir", str(stack.folder)],
        env=clean_environment(MILEPOST_READY_FD=str(writes)),
        pass_fds=(writes,),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        told = pipe.read()
    try:
        assert told == b"ready", process.communicate()[1].decode()
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("arguments", [("api", "--port", "0"), ("worker", "executions"), ("maintain",)])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_that_is_told_to_stop_ends_with_0(stack: Up, arguments: tuple[str, ...], number: signal.Signals):
    with running(stack, *arguments) as process:
        process.send_signal(number)

        _, complaints = process.communicate(timeout=WITHIN_SECONDS)

        assert process.returncode == 0, complaints.decode()
        assert b"Traceback" not in complaints


def test_a_worker_in_burst_mode_ends_when_nothing_is_left(stack: Up, milepost: Callable[..., Said]):
    with running(stack, "worker", "executions", "--burst", "--max-jobs", "5") as process:
        _, complaints = process.communicate(timeout=WITHIN_SECONDS)

        assert process.returncode == 0, complaints.decode()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("worker", "nothing"), 2, "There is no kind nothing"),
        (("worker",), 2, "Missing argument"),
        (("api", "--port", "70000"), 2, "65535"),
    ],
)
def test_what_cannot_start_says_why(milepost: Callable[..., Said], arguments: tuple[str, ...], code: int, told: str):
    said = milepost(*arguments)

    assert said.code == code
    assert told in said.err
    assert "Traceback" not in said.err
