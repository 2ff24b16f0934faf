"""The data folder of one embedded server: private, locked by its user, with a password inside."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import IO

from milepost.embedded.errors import DataFolderInUse


def private_folder(path: Path) -> Path:
    """Make the folder (0700) unless it is there."""
    path = path.absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def password_in(folder: Path) -> str:
    """The folder's password, made on first use; the file is 0600 from its first byte."""
    file = folder / "password"
    if not file.exists():
        fresh = folder / "password.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(secrets.token_urlsafe(24))
        fresh.replace(file)
    return file.read_text().strip()


def write_private(file: Path, text: str) -> None:
    """Write a 0600 file, whatever the umask and whatever was there."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)


class FolderLock:
    """Held while we run a server on the folder; the kernel frees it when we die, however we die."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take it, or raise DataFolderInUse naming the holder."""
        file = (self._folder / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise DataFolderInUse(
                f"{self._folder} is in use by process {holder}: stop that process, or choose another data folder."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give it back; harmless when not held."""
        if self._file is not None:
            self._file.close()
            self._file = None


def is_locked(folder: Path) -> bool:
    """Whether a process that lives holds the folder: its pid in a file may meanwhile be another's."""
    try:
        file = (folder / "lock").open()
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
