"""A process of the product, as the kernel sees it: started, awaited until it is ready, stopped, continued, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, STDOUT
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from milepost.cli.stack.child import READY_FD
from milepost.embedded.child import launch_command

PRODUCT = ("-P", "-m", "milepost.cli.app")
# a machine that does much else takes its time with imports
READY_SECONDS = 120


class Process:
    """Dies with the test run, whatever happens to it."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: asyncio.subprocess.Process
        self._reads = -1

    @classmethod
    async def start(
        cls, name: str, *arguments: str, environment: Mapping[str, str], log: Path, inherited: Sequence[int] = ()
    ) -> Self:
        """Returns when it says that it is ready."""
        made = await cls.begin(name, *arguments, environment=environment, log=log, inherited=inherited)
        try:
            await made.ready()
        except BaseException:
            await made.resume_and_kill()
            raise
        return made

    @classmethod
    async def begin(
        cls, name: str, *arguments: str, environment: Mapping[str, str], log: Path, inherited: Sequence[int] = ()
    ) -> Self:
        """Returns at once; `ready` waits for its word."""
        made = cls(name, log)
        made._reads, writes = os.pipe()
        try:
            with log.open("ab") as output:
                made._process = await asyncio.create_subprocess_exec(
                    *launch_command(
                        [sys.executable, *arguments], mode="plain", folder=Path.cwd(), death=signal.SIGKILL
                    ),
                    stdin=DEVNULL,
                    stdout=output,
                    stderr=STDOUT,
                    env={**environment, READY_FD: str(writes)},
                    pass_fds=(writes, *inherited),
                )
        finally:
            os.close(writes)
        return made

    async def ready(self) -> None:
        with os.fdopen(self._reads, "rb") as pipe:
            said = await asyncio.wait_for(asyncio.to_thread(pipe.read), READY_SECONDS)
        assert said == b"ready", f"{self.name} ended at its start: {self.said()}"

    def send(self, number: signal.Signals) -> float:
        """Answers when, by the monotonic clock."""
        self._process.send_signal(number)
        return time.monotonic()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def resume_and_kill(self) -> None:
        """Whatever state it is in."""
        if self.alive:
            self.send(signal.SIGCONT)
            await self.kill()

    async def ended(self, within: float = 30) -> int:
        """Its exit code."""
        return await asyncio.wait_for(self._process.wait(), within)

    async def kill(self) -> float:
        """kill -9. Returns when it is gone, with the time of the signal."""
        at = self.send(signal.SIGKILL)
        await self.ended()
        return at

    async def until_said(self, text: str, within: float = 15) -> None:
        async with asyncio.timeout(within):
            while text not in self.said():  # noqa: ASYNC110 - a log tells nobody
                await asyncio.sleep(0.05)

    def said(self) -> str:
        return self.log.read_text(errors="replace")
