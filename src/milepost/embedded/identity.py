"""Who PostgreSQL runs as: it refuses root, so root steps down in whichever way this machine allows.

An ordinary user needs none of this. For root, in this order: become nobody, where nobody can reach the programs and
the data; else enter a user namespace in which we are called nobody, which works below a private home and leaves files
ours; else (some containers forbid namespaces) copy the programs beside the data and become nobody.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from milepost.embedded.child import Mode, clean_environment, launch_command
from milepost.embedded.errors import EmbeddedError
from milepost.embedded.launch import NOBODY

PROBE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Identity:
    """Which programs to run, and as whom."""

    mode: Mode
    programs: Path


def choose_identity(programs: Path, folder: Path) -> Identity:
    """Decide by trying; leaves the folder and all in it with the owner that the choice needs."""
    if os.geteuid() != 0:
        return Identity("plain", programs)
    if _try("drop", programs, folder):
        return Identity("drop", programs)
    if _try("namespace", programs, folder):
        return Identity("namespace", programs)
    if _try("drop", copied := _copy_programs(programs, folder), folder):
        return Identity("drop", copied)
    message = (
        f"PostgreSQL refuses to run as root, and stepping down failed: user namespaces are forbidden here, and the "
        f"user nobody cannot reach {folder}. Choose a data folder that others may enter (below /var/lib or /srv), "
        f"run as an ordinary user, or use a running server by MILEPOST_DATABASE_URL."
    )
    raise EmbeddedError(message)


def _try(mode: Mode, programs: Path, folder: Path) -> bool:
    owner = NOBODY if mode == "drop" else 0
    os.chown(folder, owner, owner)
    if not _runs(mode, programs, folder):
        return False
    _give(folder, owner)
    return True


def _runs(mode: Mode, programs: Path, folder: Path) -> bool:
    # The server at the folder, and not only a shell at the program: libraries must be within reach too.
    command = launch_command([programs / "postgres", "--version"], mode=mode, folder=folder, death=signal.SIGKILL)
    ended = subprocess.run(
        command,
        env=clean_environment(),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=PROBE_SECONDS,
    )
    return ended.returncode == 0


def _give(folder: Path, owner: int) -> None:
    """Make everything the owner's: a folder made in one way may be opened in another."""
    for place, _, files in os.walk(folder):
        for path in (place, *(os.path.join(place, name) for name in files)):  # noqa: PTH118 - thousands of files
            if os.lstat(path).st_uid != owner:
                os.chown(path, owner, owner, follow_symlinks=False)


def _copy_programs(programs: Path, folder: Path) -> Path:
    """Copy a wheel's tree and its libraries; the programs find those by a path relative to their own."""
    tree = programs.parent
    package = tree.parent
    target = folder / "programs"
    if not target.exists():
        fresh = folder / "programs.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(tree, fresh / package.name / tree.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        fresh.rename(target)
    return target / package.name / tree.name / programs.name
