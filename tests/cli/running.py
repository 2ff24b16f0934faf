"""A stack as a process of its own, and the command line called in ours."""

from __future__ import annotations

import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from milepost.cli.app import main

WITHIN_SECONDS = 60
LAST_LINE = "Ctrl-C stops everything."


def clean_environment(**extra: str) -> dict[str, str]:
    """Ours, without any setting of Milepost's in it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
    for name in ("DATABASE_URL", "COLUMNS", "LINES"):
        kept.pop(name, None)
    return {**kept, **extra}


@contextmanager
def new_folder() -> Iterator[Path]:
    """Directly below the temporary folder, and open: started by root, PostgreSQL is another user and must get in."""
    folder = Path(tempfile.mkdtemp(prefix="milepost-cli-"))
    folder.chmod(0o755)
    try:
        yield folder / "stack"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Up:
    """`milepost up` on a folder, ready when the constructor returns."""

    def __init__(self, folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "milepost.cli.app", "up", "--port", "0", "--data-dir", str(folder), *options],
            env=clean_environment(**(environment or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.greeting = self._read_greeting()

    def _read_greeting(self) -> str:
        assert self.process.stdout
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line)
            if line.strip() == LAST_LINE:
                return "".join(lines)
        raise AssertionError(f"the stack did not start: {''.join(lines)}{self.process.communicate()[1]}")

    @property
    def note(self) -> dict[str, Any]:
        return json.loads((self.folder / "milepost.json").read_text())

    def end_by(self, number: signal.Signals) -> int:
        """Sends it the signal. Its exit code, when it has ended."""
        self.process.send_signal(number)
        self.process.communicate(timeout=WITHIN_SECONDS)
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end_by(signal.SIGINT)


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)


def on_terminal(*arguments: str, columns: int = 80, press: Mapping[str, bytes] | None = None) -> Said:
    """The command line as a process at a terminal of that width. `press`: keys, when a text has come. All is `out`."""
    process, terminal = pty.fork()
    if process == 0:
        os.execve(sys.executable, [sys.executable, "-P", "-m", "milepost.cli.app", *arguments], clean_environment())
    termios.tcsetwinsize(terminal, (24, columns))
    said, waiting = b"", dict(press or {})
    with os.fdopen(terminal, "r+b", buffering=0) as typed, suppress(OSError):  # which is how its end is told
        while part := typed.read(65536):
            said += part
            for text in [text for text in waiting if text.encode() in said]:
                typed.write(waiting.pop(text))
    _, status = os.waitpid(process, 0)
    return Said(os.waitstatus_to_exitcode(status), said.decode().replace("\r\n", "\n"), "")


def call(*arguments: str) -> Said:
    """The command line, in this process."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return Said(code, out.getvalue(), err.getvalue())
