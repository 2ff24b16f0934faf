"""Turns somebody's bytes into a picture that is safe to keep: in a process of its own, with little memory and time."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any, BinaryIO

from milepost.net.child_process import ChildProcess, SaidTooMuch

logger = logging.getLogger("milepost.api")

PROGRAM = "workers.images.clean"
MEMORY_MB = 512
CPU_SECONDS = 2
"""Of one core. Where the machine is busy they take longer, and WALL_SECONDS bounds that."""
WALL_SECONDS = 20.0
MOST_ANSWERED = 5 * 1024 * 1024
# a decoder's own faults; the picture made them
CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE})

INVALID, TOO_LARGE, UNAVAILABLE = "SOURCE_INVALID", "SOURCE_TOO_LARGE", "RENDERER_UNAVAILABLE"


class PictureRefused(Exception):
    """`code`: SOURCE_INVALID, SOURCE_TOO_LARGE, or RENDERER_UNAVAILABLE where it is not the picture's fault."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The first frame, upright, without metadata, encoded anew."""

    data: bytes
    width: int
    height: int


def environment() -> dict[str, str]:
    """Nothing of ours but where the modules are: no address, no secret."""
    return {"PYTHONPATH": os.pathsep.join(sys.path), "LC_ALL": "C.UTF-8"}


async def cleaned(upload: BinaryIO) -> Cleaned:
    """`upload`: an open file, which the process reads from where it stands. Raises PictureRefused."""
    # a child of ours by the name of a module: a decoder's fault costs that process and nothing else
    command = [sys.executable, "-P", "-m", PROGRAM, str(os.getpid()), str(MEMORY_MB), str(CPU_SECONDS)]
    try:
        child = await ChildProcess.start(command, environment=environment(), stdin=upload)
    except OSError as error:
        logger.error("no process that reads pictures can be started: %s", error)  # noqa: TRY400 - the reason says it all
        raise PictureRefused(UNAVAILABLE, "Pictures cannot be read at the moment.") from None
    try:
        async with asyncio.timeout(WALL_SECONDS):
            said = await child.all_answers(MOST_ANSWERED)
            code = await child.gone()
    except TimeoutError:
        raise PictureRefused(UNAVAILABLE, f"The picture was not read within {WALL_SECONDS:.0f} s.") from None
    except SaidTooMuch:
        raise PictureRefused(INVALID, "The source image is broken and could not be decoded.") from None
    finally:
        child.kill()
        await child.gone()
    return _judged(said, code)


def _judged(said: bytes, code: int) -> Cleaned:
    head, _, data = said.partition(b"\n")
    match _read(head):
        case {"refused": str(why), "message": str(message)}:
            raise PictureRefused(why, message)
        case {"width": int(width), "height": int(height), "size": int(size)} if size == len(data):
            return Cleaned(data, width, height)
        case _:
            raise _unanswered(code)


def _read(head: bytes) -> Any:
    try:
        return json.loads(head)
    except ValueError:
        return None


def _unanswered(code: int) -> PictureRefused:
    """Why there is no answer, by how the process ended."""
    if code == -signal.SIGXCPU:
        message = f"The source image takes more than {CPU_SECONDS} seconds of a processor to be decoded."
        return PictureRefused(TOO_LARGE, message)
    if -code in CRASHES:
        return PictureRefused(INVALID, "The source image is broken and could not be decoded.")
    logger.error("the process that reads pictures ended with %d and without an answer", code)
    return PictureRefused(UNAVAILABLE, "Pictures cannot be read at the moment.")
