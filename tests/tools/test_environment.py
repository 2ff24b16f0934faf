"""An installation is what the locks say, whatever an index serves that day."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from tests.docs.copies import copy_of_the_repository
from tests.docs.pages import ROOT
from tests.servers.package_index import BACK_END, NEWER, PackageIndex, pinned

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RUNTIME, TOOLS = ((ROOT / name).read_text() for name in ("requirements.lock", "requirements-dev.lock"))


@pytest.fixture(scope="module")
async def index() -> AsyncIterator[PackageIndex]:
    async with PackageIndex(RUNTIME, TOOLS) as server:
        yield server


@pytest.fixture
def copy(index: PackageIndex) -> Iterator[Path]:
    """The repository, with locks of the same versions and the hashes of the files that the index has."""
    with copy_of_the_repository() as folder:
        (folder / "requirements.lock").write_text(index.relocked(RUNTIME))
        (folder / "requirements-dev.lock").write_text(index.relocked(TOOLS))
        yield folder


@pytest.fixture
async def empty(tmp_path: Path) -> str:
    """The Python of an environment with nothing in it."""
    python = tmp_path / "empty" / "bin" / "python"
    code, said = await run(sys.executable, "-m", "venv", "--without-pip", str(python.parents[1]))
    assert code == 0, said
    return str(python)


async def run(*command: str, folder: Path = ROOT, settings: Mapping[str, str] | None = None) -> tuple[int, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MILEPOST_"))}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**inherited, **(settings or {})}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def installed_by(python: str) -> dict[str, str]:
    code, said = await run(sys.executable, "-m", "pip", "--python", python, "list", "--format", "json")
    assert code == 0, said
    found: list[dict[str, str]] = json.loads(said.splitlines()[0])
    names = {re.sub("[-_.]+", "-", one["name"]).lower(): one["version"] for one in found}
    names.pop("milepost", None)
    names.pop("setuptools", None)  # which venv brings until Python 3.12
    return names


async def test_the_environment_is_the_lock_where_every_package_has_a_newer_release(copy: Path, index: PackageIndex):
    log = copy / "pip.log"
    settings = {**index.settings, "PIP_LOG": str(log), "PYTHON": sys.executable, "HOME": str(copy)}
    index.asked.clear()

    for stage, locks in (("", RUNTIME), ("tools", RUNTIME + TOOLS)):
        code, said = await run("sh", "tools/make_environment.sh", stage, folder=copy, settings=settings)

        assert code == 0, said
        assert await installed_by(str(copy / ".venv/bin/python")) == pinned(locks)

    assert len(index.asked) == len(set(index.asked)) == len(pinned(RUNTIME + TOOLS))
    wanted = re.findall(r" Collecting .*", log.read_text())
    assert len(wanted) == len(index.asked)
    assert not [line for line in wanted if not re.search(r"\(from -r requirements(-dev)?\.lock \(line \d+\)\)$", line)]


async def test_the_tools_of_the_tests_do_not_come_with_what_runs():
    assert not set(pinned(RUNTIME)) & set(pinned(TOOLS))
    assert {"pytest", "ruff", "pyright", "playwright", "uv"} <= set(pinned(TOOLS))


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
async def test_a_release_installs_what_was_locked_by_its_constraints(copy: Path, index: PackageIndex, empty: str):
    code, said = await run("make", "dist", *MADE, folder=copy)
    assert code == 0, said
    (wheel,) = (copy / "dist").glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", empty, "install", "--constraint", "dist/constraints.txt"]
    _, tempted = await run(*pip[:-2], "--dry-run", str(wheel), folder=copy, settings=index.settings)
    assert NEWER in tempted.split("Would install")[1]
    index.asked.clear()

    code, said = await run(*pip, f"{wheel}[images,llm]", folder=copy, settings=index.settings)

    assert code == 0, said
    assert not [file for file in index.asked if NEWER in file]
    locked, found = pinned(RUNTIME), await installed_by(empty)
    assert found == {name: locked[name] for name in found}
    assert set(locked) - set(found) == {*BACK_END, "pip"}


async def test_a_build_from_source_takes_the_back_end_that_is_locked(copy: Path, index: PackageIndex):
    index.asked.clear()
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "wheels", "."]

    code, said = await run(*pip, folder=copy, settings=index.settings)

    assert code == 0, said
    assert index.asked
    assert not [file for file in index.asked if NEWER in file]
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert required == [f"{name}=={pinned(RUNTIME)[name]}" for name in BACK_END]


# the rules of the Makefile, with the environment that is there
MADE = ("-o", ".venv/.installed", "-o", ".venv/.tools", f"BIN={Path(sys.executable).parent}")
