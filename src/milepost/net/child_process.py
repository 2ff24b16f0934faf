"""A child process that answers over a pipe of its own, which no library knows of.

Standard output and error are anybody's: a library that warns, prints or logs writes to them. What parent and child say to
each other does not pass there.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, BinaryIO, Self

PIECE = 1 << 16


class SaidTooMuch(Exception):
    """More than anybody asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class ChildProcess:
    """`answers` ends when the child does."""

    process: asyncio.subprocess.Process
    answers: asyncio.StreamReader
    _pipe: asyncio.BaseTransport

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        stdin: int | IO[bytes],
        stderr: int | None = DEVNULL,
    ) -> Self:
        """The number of the descriptor for its answers is the command's last argument. What it prints goes nowhere."""
        ours, theirs = os.pipe()
        pipe = os.fdopen(ours, "rb", buffering=0)
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                str(theirs),
                stdin=stdin,
                stdout=DEVNULL,
                stderr=stderr,
                env=dict(environment),
                pass_fds=(theirs,),
            )
        except BaseException:
            pipe.close()
            raise
        finally:
            os.close(theirs)
        answers = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(answers), pipe
        )
        return cls(process, answers, transport)

    async def all_answers(self, most: int) -> bytes:
        """Until it has said all; no more than `most` bytes and a piece are ever held. Raises SaidTooMuch."""
        said = bytearray()
        while piece := await self.answers.read(PIECE):
            said += piece
            if len(said) > most:
                raise SaidTooMuch
        return bytes(said)

    def kill(self) -> None:
        """At once; `gone` waits for it."""
        with suppress(ProcessLookupError):
            self.process.kill()

    async def gone(self) -> int:
        """Its exit code, once it has ended: below 0 it is the signal that ended it."""
        code = await self.process.wait()
        self._pipe.close()
        return code


def open_answers(descriptor: str) -> BinaryIO:
    """In the child: where its answers go. What it starts itself does not get it."""
    os.set_inheritable(int(descriptor), False)  # noqa: FBT003 - its only spelling
    return os.fdopen(int(descriptor), "wb")
