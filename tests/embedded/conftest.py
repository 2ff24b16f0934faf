"""Folders and programs that other users can reach: pytest's own folders are private."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from milepost.embedded import locate_postgres


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that others may enter."""
    path = Path(tempfile.mkdtemp(prefix="milepost-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def postgres_tree() -> Iterator[Path]:
    """A copy of the PostgreSQL wheel that others may enter; its parent can be closed to them."""
    tree = locate_postgres().parent
    if tree.name != "pginstall":
        pytest.skip("no PostgreSQL wheel is installed")
    path = Path(tempfile.mkdtemp(prefix="milepost-test-"))
    path.chmod(0o755)
    for part in (tree, *tree.parent.parent.glob(f"{tree.parent.name}.libs")):
        shutil.copytree(part, path / part.relative_to(tree.parent.parent), symlinks=True)
    yield path / tree.parent.name / tree.name
    shutil.rmtree(path)
