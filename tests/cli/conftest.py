"""One real stack for the room, started as a user would start it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.running import Said, Up, call


@pytest.fixture(scope="session")
def stack() -> Iterator[Up]:
    """`milepost up` in a folder that others may enter: started by root, PostgreSQL is another user."""
    folder = Path(tempfile.mkdtemp(prefix="milepost-cli-"))
    folder.chmod(0o755)
    with Up(folder / "stack") as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's environment finds its way into a command."""
    for name in [name for name in os.environ if name.startswith("MILEPOST_") or name == "DATABASE_URL"]:
        monkeypatch.delenv(name)


@pytest.fixture
def milepost(stack: Up) -> Callable[..., Said]:
    """Calls a command on the stack."""
    return lambda *arguments: call(*arguments, "--data-dir", str(stack.folder))
