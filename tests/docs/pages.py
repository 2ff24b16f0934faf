"""What tests read out of the Markdown pages: marked files and commands, and where things are."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKIPPED = {".venv", ".git", "build", "dist", "node_modules"}

FILE = re.compile(r"<!-- file: (?P<path>\S+) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL)
RUN = re.compile(r"<!-- run(?:: (?P<how>[\w ]+))? -->\n```sh\n(?P<commands>.*?)```", re.DOTALL)


def files_in(page: Path) -> Iterator[tuple[str, str]]:
    """Files that a page tells its reader to write: `<!-- file: PATH -->` before a fence."""
    for found in FILE.finditer(page.read_text()):
        yield found["path"], found["text"]


def commands_in(page: Path) -> Iterator[tuple[str, str]]:
    """Commands that a page tells its reader to run, with how: `<!-- run: HOW -->` before a fence."""
    for found in RUN.finditer(page.read_text()):
        yield found["how"] or "", found["commands"]


def tracked() -> list[Path]:
    """Every file of the repository; of an export without git, every file that looks like one."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and not SKIPPED & set(path.relative_to(ROOT).parts)]


def markdown() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]
