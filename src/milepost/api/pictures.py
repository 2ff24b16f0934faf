"""Turns somebody's bytes into a picture that is safe to keep: in a process of its own, with little memory and time."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass

PROGRAM = "workers.images.clean"
SECONDS = 20.0
AT_ONCE = 2
REFUSED = 3

_places = asyncio.Semaphore(AT_ONCE)


class PictureRefused(Exception):
    """`code`: SOURCE_INVALID, SOURCE_TOO_LARGE, or RENDERER_UNAVAILABLE where pictures cannot be read at all."""

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


async def cleaned(raw: bytes) -> Cleaned:
    """Raises PictureRefused."""
    async with _places:
        # a child of ours by the name of a module: a decoder's fault costs that process and nothing else
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", PROGRAM, str(os.getpid()), env=environment(),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(SECONDS):
                out, said = await process.communicate(raw)
        except TimeoutError:
            raise PictureRefused("SOURCE_INVALID", "The source image takes too long to decode.") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    if process.returncode == REFUSED:
        told = json.loads(said)
        raise PictureRefused(told["code"], told["message"])
    if process.returncode != 0:
        raise PictureRefused("SOURCE_INVALID", "The source image is broken and could not be decoded.")
    head, _, data = out.partition(b"\n")
    size = json.loads(head)
    return Cleaned(data, size["width"], size["height"])
