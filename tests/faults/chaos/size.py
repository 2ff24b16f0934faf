"""What a process holds, as the kernel tells it."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
MEGABYTE = 2**20


class Size(NamedTuple):
    """Of a process: how many files it has open, sockets among them, and what it has of the memory."""

    pid: int
    files: int
    megabytes: int


def size(pid: int) -> Size | None:
    """None where the process is gone, or the system does not tell."""
    try:
        files = len(list((PROC / f"{pid}/fd").iterdir()))
        pages = int((PROC / f"{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return Size(pid, files, pages * resource.getpagesize() // MEGABYTE)
