"""A copy of the repository to try things in, with `milepost`, `python` and `make` that mean the copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.docs.pages import ROOT

# hidden: the environment, the history of git, caches and what a demonstration left
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist")

MILEPOST = """#!/bin/sh
exec "{python}" -P -m milepost.cli.app "$@"
"""
PYTHON = """#!/bin/sh
exec "{python}" "$@"
"""
# the Makefile's own rules, with the environment that is there instead of one that would be made first
MAKE = """#!/bin/sh
exec "{make}" -o .venv/.installed -o .venv/.tools "BIN={folder}" "$@"
"""


@contextmanager
def copy_of_the_repository() -> Iterator[Path]:
    """Where others may enter: started by root, PostgreSQL is another user."""
    folder = Path(tempfile.mkdtemp(prefix="milepost-copy-"))
    try:
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED, dirs_exist_ok=True)
        folder.chmod(0o755)
        _programs(folder / "bin")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: Path) -> None:
    folder.mkdir()
    for name, text in (("milepost", MILEPOST), ("python", PYTHON), ("make", MAKE)):
        program = folder / name
        python = Path(sys.executable)
        program.write_text(text.format(python=python, folder=python.parent, make=shutil.which("make") or "make"))
        program.chmod(0o755)


def environment_of(copy: Path) -> dict[str, str]:
    """Ours, without any setting of Milepost's, and with the copy before everything else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MILEPOST_", "PYTEST_"))}
    for name in ("DATABASE_URL", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL"):
        kept.pop(name, None)
    path = f"{copy / 'bin'}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "PYTHONPATH": f"{copy / 'src'}{os.pathsep}{copy}", "PYTHONDONTWRITEBYTECODE": "1"}


def run(commands: str, folder: Path, environment: Mapping[str, str], *, within: float = 50) -> str:
    """A block of shell commands; each must succeed. Answers what they said."""
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", commands], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=within, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
    return done.stdout
