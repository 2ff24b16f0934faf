"""A copy of the repository to try things in, with `milepost` and `make` that mean the copy."""

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

FOLDERS = ("src", "workers", "migrations", "tests", "docs")
FILES = ("Procfile", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")

MILEPOST = """#!/bin/sh
exec "{python}" -P -m milepost.cli.app "$@"
"""
# the Makefile would first make an environment
MAKE = """#!/bin/sh
target=$1; shift
for word in "$@"; do case $word in ARGS=*) arguments=${{word#ARGS=}} ;; esac; done
case $target in
    docs) exec "{python}" docs/generate.py $arguments ;;
    test) exec "{python}" -m pytest -p no:cacheprovider $arguments ;;
    *) echo "no target $target" >&2; exit 2 ;;
esac
"""


@contextmanager
def copy_of_the_repository() -> Iterator[Path]:
    """Where others may enter: started by root, PostgreSQL is another user."""
    folder = Path(tempfile.mkdtemp(prefix="milepost-copy-"))
    folder.chmod(0o755)
    try:
        for name in FOLDERS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in FILES:
            if (ROOT / name).exists():
                shutil.copy(ROOT / name, folder / name)
        _programs(folder / "bin")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: Path) -> None:
    folder.mkdir()
    for name, text in (("milepost", MILEPOST), ("make", MAKE)):
        program = folder / name
        program.write_text(text.format(python=sys.executable))
        program.chmod(0o755)


def environment_of(copy: Path) -> dict[str, str]:
    """Ours, without any setting of Milepost's, and with the copy before everything else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MILEPOST_", "PYTEST_"))}
    kept.pop("DATABASE_URL", None)
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
