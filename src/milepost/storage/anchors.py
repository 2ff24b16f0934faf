"""Anchors: every checkpoint of an audit log once more, in an append-only file that the database cannot reach."""

from __future__ import annotations

import errno
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
        """On disk when it returns. Raises OSError, and may then leave a line that is cut short."""
        self._folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"seal": seal, "checkpoint": checkpoint}, ensure_ascii=False) + "\n"
        descriptor = os.open(self._file(log), os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            # a line that a crash cut short is left to itself: it is the beginning of this one
            size = os.fstat(descriptor).st_size
            begun = size and os.pread(descriptor, 1, size - 1) != b"\n"
            _write(descriptor, (("\n" if begun else "") + line).encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not size:
            _keep_names(self._folder)
            _keep_names(self._folder.parent)

    def last(self, log: str) -> str | None:
        """The newest checkpoint; None where there is none. Looks back as far as it must."""
        try:
            with self._file(log).open("rb") as file:
                end, back = file.seek(0, os.SEEK_END), TAIL
                while True:
                    start = max(end - back, 0)
                    file.seek(start)
                    # what stands behind the last line's end is cut short, and so may be what the look begins with
                    lines = file.read(end - start).split(b"\n")[1 if start else 0 : -1]
                    found = next((note for line in reversed(lines) if (note := _note(line)) is not None), None)
                    if found is not None or not start:
                        return found
                    back *= 8
        except FileNotFoundError:
            return None

    def all(self, log: str) -> Iterator[tuple[int, str | None]]:
        """Every line's number and checkpoint, the oldest first; None for a line that does not read as one.

        Left out are lines that a crash or a full disk cut short, where the next whole line says the same to its end.
        """
        cut: list[tuple[int, bytes]] = []
        try:
            with self._file(log).open("rb") as file:
                for number, line in enumerate(file, 1):
                    note = _note(line)
                    if note is None:
                        cut.append((number, line.removesuffix(b"\n")))
                        continue
                    yield from ((at, None) for at, begun in cut if not line.startswith(begun))
                    cut.clear()
                    yield number, note
        except FileNotFoundError:
            return
        yield from ((at, None) for at, _ in cut)

    def _file(self, log: str) -> Path:
        return self._folder / f"{log}.jsonl"


def _write(descriptor: int, data: bytes) -> None:
    if (written := os.write(descriptor, data)) != len(data):
        raise OSError(errno.ENOSPC, f"of an anchor's {len(data)} bytes {written} were written")


def _keep_names(folder: Path) -> None:
    """A new file outlives a loss of power only where its folder is on disk too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def notes_in(data: bytes) -> list[str]:
    """What somebody kept of anchors: lines of their file, or one checkpoint as it was signed. Raises ValueError."""
    lines = [line for line in data.split(b"\n") if line.strip()]
    notes = [note for line in lines if (note := _note(line)) is not None]
    return notes if lines and len(notes) == len(lines) else [data.decode().strip("\n") + "\n"]


def _note(line: bytes) -> str | None:
    try:
        note = json.loads(line)["checkpoint"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return note if isinstance(note, str) else None
