"""A server as our child: started by `launch.py`, logged to a file, waited for by connecting, stopped in steps."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal

from milepost.embedded.errors import EmbeddedError, ServerDied

Mode = Literal["plain", "drop", "namespace"]

LAUNCHER = Path(__file__).with_name("launch.py")
LOG_LIMIT_BYTES = 16 * 1024 * 1024
# Between two connection attempts; the wait itself ends at once when the server dies.
RETRY_SECONDS = 0.02
LAST_WAIT_SECONDS = 5.0


def launch_command(command: Sequence[str | Path], *, mode: Mode, folder: Path, death: signal.Signals) -> list[str]:
    """The command wrapped so that it runs in `mode` inside `folder` and gets `death` when we die."""
    wrapper = [sys.executable, "-I", "-S", str(LAUNCHER), mode, str(int(death)), str(os.getpid()), str(folder)]
    return [*wrapper, *(str(part) for part in command)]


def clean_environment() -> Mapping[str, str]:
    """What a server sees: a locale that exists everywhere, none of our settings or secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def free_port() -> int:
    """A loopback port that nobody listens on now; somebody may be faster, so callers try again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_taken(port: int) -> bool:
    """Whether somebody listens there: told apart from a server that fails for reasons of its own."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Child:
    """One server process."""

    def __init__(
        self, name: str, command: Sequence[str | Path], *, log: Path, folder: Path, mode: Mode, death: signal.Signals
    ) -> None:
        # The death signal is tied to the thread that forks, and any other thread may end before the process does.
        if threading.current_thread() is not threading.main_thread():
            raise EmbeddedError(f"{name} must be started from the main thread.")
        self.name = name
        self.log = log
        with open_log(log) as output:
            self._process = subprocess.Popen(
                launch_command(command, mode=mode, folder=folder, death=death),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                start_new_session=True,  # Ctrl-C is for us: we stop servers last, after those who use them
            )

    @property
    def pid(self) -> int:
        """Of the server itself: the launcher becomes it."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def wait_until(self, answers: Callable[[], bool], *, seconds: float) -> None:
        """Return when `answers()`; raise ServerDied when the process ends first or the time is over."""
        deadline = time.monotonic() + seconds
        while not answers():
            if time.monotonic() > deadline:
                self.kill()
                raise ServerDied(f"{self.name} did not answer within {seconds:.0f} s.", self.log)
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(RETRY_SECONDS)
                raise ServerDied(f"{self.name} ended with code {code} before it answered.", self.log)

    def stop(self, *steps: tuple[signal.Signals, float]) -> None:
        """Send each signal in turn until the process has ended within its seconds; SIGKILL at the last."""
        for number, seconds in steps:
            if not self.is_alive:
                return
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                return
        self.kill()

    def kill(self) -> None:
        """End it now."""
        self._process.kill()
        self._process.wait(LAST_WAIT_SECONDS)


def open_log(log: Path) -> IO[bytes]:
    """Open for appending, 0600; a big one is put aside first."""
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    log.touch(mode=0o600)
    return log.open("ab")
