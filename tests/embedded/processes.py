"""Processes as the kernel sees them: started by tests, counted by parent, awaited by handle."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

SCRIPT = Path(__file__).with_name("start_both.py")
SOURCE = Path(__file__).parents[2] / "src"
WITHIN_SECONDS = 20


class Starter:
    """A process that runs both servers below a folder until its standard input ends."""

    def __init__(
        self,
        folder: Path,
        *,
        python: Sequence[str] = (sys.executable,),
        script: Path = SCRIPT,
        source: Path = SOURCE,
        environment: Mapping[str, str] | None = None,
        **popen: Any,
    ) -> None:
        self._process = subprocess.Popen(
            [*python, str(script), str(folder)],
            env={**os.environ, "PYTHONPATH": str(source), **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **popen,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(self._process.communicate()[1])
        self.postgres, self.redis = (int(pid) for pid in line.split())

    def family(self) -> list[int]:
        """Both servers and their helpers."""
        return with_children([self.postgres, self.redis])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill_by(signal.SIGKILL)

    def kill_by(self, number: signal.Signals) -> None:
        """Send it the signal, and return when it has ended; its servers may take a moment longer."""
        self._process.send_signal(number)
        self._process.communicate(timeout=WITHIN_SECONDS)

    def finish(self) -> int:
        """Let it stop its servers by itself; its exit code."""
        self._process.communicate("", timeout=WITHIN_SECONDS)
        return self._process.returncode


def wait_for_end(pids: Sequence[int]) -> None:
    """Return when all have ended; fail when one has not within a time that is long for any of them."""
    with contextlib.ExitStack() as handles:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)
                handles.callback(os.close, handle)
                ended, _, _ = select.select([handle], [], [], WITHIN_SECONDS)
                assert ended, f"process {pid} outlived its parent"


def with_children(parents: Sequence[int]) -> list[int]:
    """These processes and the children of each."""
    children: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            _, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) in parents:
                children.append(int(stat.parent.name))
    return [*parents, *children]
