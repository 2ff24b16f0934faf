"""One process of the stack: started, waited for until it says that it is ready, started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from milepost.cli import exits
from milepost.domain.errors import ConfigurationError, MilepostError, Unavailable
from milepost.embedded.child import launch_command, open_log

READY_FD = "MILEPOST_READY_FD"
READY_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
SETTLED_SECONDS = 60.0
LOG_LINES_SHOWN = 12


def say_ready(descriptor: str | None) -> None:
    """Called by the child itself, with what its environment says. Harmless without a parent that waits."""
    if descriptor is not None:
        with contextlib.suppress(OSError), os.fdopen(int(descriptor), "wb") as pipe:
            pipe.write(b"ready")


class Child:
    """`milepost <arguments>` as a process that dies when we die."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        inherited: Sequence[int] = (),
        report: Callable[[str], None],
    ) -> None:
        self.name = name
        self.log = log
        self._arguments = arguments
        self._environment = environment
        self._inherited = inherited
        self._report = report
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """None while it is not running."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Returns when it is ready.

        Raises Unavailable with the end of its log when it ends instead, or takes long; ConfigurationError when it
        ends over a setting.
        """
        begins = self.log.stat().st_size if self.log.exists() else 0
        reads, writes = os.pipe()
        try:
            self._process = await self._spawn(writes)
        finally:
            os.close(writes)
        try:
            async with asyncio.timeout(READY_SECONDS):
                ready = await _first_bytes(reads)
        except TimeoutError:
            self.kill()
            raise Unavailable(f"{self.name} was not ready within {READY_SECONDS:.0f} s.{self._tail(begins)}") from None
        finally:
            os.close(reads)
        if not ready:
            code = await self._process.wait()
            trouble = ConfigurationError if code == exits.USAGE else Unavailable
            raise trouble(f"{self.name} ended with code {code} at its start.{self._tail(begins)}")

    async def keep(self, changed: Callable[[], None]) -> None:
        """Starts it again whenever it ends, for ever; `changed` is called when the pid is another."""
        clock, pause = asyncio.get_running_loop().time, FIRST_PAUSE
        while True:
            assert self._process is not None
            began = clock()
            code = await self._process.wait()
            pause = FIRST_PAUSE if clock() - began > SETTLED_SECONDS else min(pause * 2, LONGEST_PAUSE)
            self._report(f"{self.name} ended with code {code}, starts again in {pause:.1f} s (log: {self.log})")
            await asyncio.sleep(pause)
            with contextlib.suppress(MilepostError):  # told by the next round
                await self.start()
                changed()

    async def stop(self, seconds: float) -> None:
        """SIGTERM, and SIGKILL when the seconds are over."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                await process.wait()
        except TimeoutError:
            self.kill()
            await process.wait()

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _spawn(self, writes: int) -> Process:
        # -P: a folder called `workers` where we happen to stand is not ours
        command = [sys.executable, "-P", "-m", "milepost.cli.app", *self._arguments]
        with open_log(self.log) as output:
            return await asyncio.create_subprocess_exec(
                *launch_command(command, mode="plain", folder=Path.cwd(), death=signal.SIGKILL),
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                env={**self._environment, READY_FD: str(writes)},
                pass_fds=(writes, *self._inherited),
                start_new_session=True,  # Ctrl-C is for us: we stop it before the servers it needs
            )

    def _tail(self, begins: int) -> str:
        """The last lines that this start wrote."""
        with self.log.open("rb") as file:
            file.seek(begins)
            lines = file.read().decode(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return f" Its log, {self.log}, ends: " + " | ".join(line.strip() for line in lines) if lines else ""


async def _first_bytes(descriptor: int) -> bytes:
    """Empty when the other end is closed without a word."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, 16)
