"""What can go wrong with an embedded server; each message ends in what to do.

EmbeddedError
├── ServerNotFound    no PostgreSQL or Redis program on this machine
├── DataFolderInUse   another process runs a server on this folder
└── ServerDied        the server did not start, or did not answer in time
"""

from __future__ import annotations

from pathlib import Path

LOG_LINES_SHOWN = 15


class EmbeddedError(RuntimeError):
    """An embedded server cannot be used."""


class ServerNotFound(EmbeddedError):
    """No program to run was found."""


class DataFolderInUse(EmbeddedError):
    """The data folder belongs to a running server."""


class ServerDied(EmbeddedError):
    """The server ended, or never answered; shows the last lines of its log."""

    def __init__(self, what: str, log: Path) -> None:
        lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:] if log.exists() else []
        shown = "\n".join(f"  | {line}" for line in lines) or "  | (empty)"
        super().__init__(f"{what}\nLast lines of {log}:\n{shown}")
