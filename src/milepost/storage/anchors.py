"""Anchors: every checkpoint of an audit log once more, in an append-only file that the database cannot reach."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

TAIL = 8192


class AnchorFiles:
    """A file a log, one JSON line a checkpoint. The folder belongs on other storage than the database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def append(self, log: str, seal: int, checkpoint: str) -> None:
        """On disk when it returns. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"seal": seal, "checkpoint": checkpoint}, ensure_ascii=False) + "\n"
        descriptor = os.open(self._file(log), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            # a line that a crash cut short is left to itself
            size = os.fstat(descriptor).st_size
            begun = size and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, (("\n" if begun else "") + line).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def last(self, log: str) -> str | None:
        """The newest checkpoint; None where there is none."""
        try:
            with self._file(log).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(size - TAIL, 0))
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return None
        return next((note for line in reversed(lines) if (note := _note(line)) is not None), None)

    def all(self, log: str) -> Iterator[tuple[int, str | None]]:
        """Every line's number and checkpoint, the oldest first; None for a line that does not read as one."""
        try:
            with self._file(log).open("rb") as file:
                for number, line in enumerate(file, 1):
                    yield number, _note(line)
        except FileNotFoundError:
            return

    def _file(self, log: str) -> Path:
        return self._folder / f"{log}.jsonl"


def _note(line: bytes) -> str | None:
    try:
        note = json.loads(line)["checkpoint"]
    except (ValueError, KeyError, TypeError):
        return None
    return note if isinstance(note, str) else None
