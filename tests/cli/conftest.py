"""One real stack for the room, started as a user would start it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from tests.cli.running import Said, Up, call, new_folder


@pytest.fixture(scope="session")
def stack() -> Iterator[Up]:
    with new_folder() as folder, Up(folder) as running:
        yield running


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's environment finds its way into a command."""
    for name in [name for name in os.environ if name.startswith("MILEPOST_") or name == "DATABASE_URL"]:
        monkeypatch.delenv(name)


@pytest.fixture
def milepost(stack: Up) -> Callable[..., Said]:
    """Calls a command on the stack."""
    return lambda *arguments: call(*arguments, "--data-dir", str(stack.folder))
