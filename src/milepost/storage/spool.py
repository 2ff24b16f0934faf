"""Bytes that wait on disk for a moment: in files without a name, which go with the process that has them open, however it ends."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Spool:
    """`folder` is made when it is first needed, and nothing else may lie in it. None: where this system keeps temporary files."""

    folder: Path | None = None

    def open(self) -> BinaryIO:
        """An empty file, for writing and reading; closing it erases it. Raises OSError."""
        if self.folder is not None:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sweep(self.folder)
        return cast("BinaryIO", tempfile.TemporaryFile(dir=self.folder, buffering=0))


def _sweep(folder: Path) -> None:
    """Where a file cannot be made without a name it has one for a moment, in which the machine may have died."""
    for left in folder.iterdir():
        if time.time() - left.stat().st_mtime > DAY:
            left.unlink(missing_ok=True)
