"""A built wheel works as the checkout does: migrations, workers and scripts are inside."""

from __future__ import annotations

import os
import signal
import site
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import LAST_LINE, clean_environment, new_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def programs(wheel: Path) -> Iterator[Path]:
    """The bin folder of an environment with the wheel in it, and our own libraries behind it."""
    with new_folder() as place:
        folder = place / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
        packages = next(folder.glob("lib/python*/site-packages"))
        # a .pth inside that folder is not read, so the checkout itself stays out of sight
        (packages / "behind.pth").write_text("\n".join(site.getsitepackages()))
        python = str(folder / "bin" / "python")
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"]
        subprocess.run([*pip, str(wheel)], check=True)
        yield folder / "bin"


def test_everything_that_is_no_python_is_inside(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {
        "milepost/py.typed",
        "milepost/_migrations/tenant/versions/0001_shared.py",
        "milepost/_migrations/control/versions/0001_control.py",
        "milepost/queue/scripts/claim.lua",
        "workers/executions/handler.py",
        "workers/maintenance.py",
    } <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]


def test_a_stack_starts_in_an_empty_folder_and_runs_a_job(programs: Path):
    environment = clean_environment(PATH=os.environ["PATH"])
    environment.pop("PYTHONPATH", None)
    with new_folder() as folder:
        folder.mkdir()
        milepost = str(programs / "milepost")
        where = subprocess.run(
            [programs / "python", "-c", "import milepost; print(milepost.__file__)"],
            cwd=folder, env=environment, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert str(ROOT / "src") not in where
        up = subprocess.Popen(
            [milepost, "up", "--port", "0"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
        )
        try:
            assert up.stdout
            assert any(line.strip() == LAST_LINE for line in up.stdout), "the stack did not start"
            done = subprocess.run(
                [milepost, "submit", "execution", "From a wheel. It rolls.", "--wait"],
                cwd=folder, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
        finally:
            up.send_signal(signal.SIGINT)
            up.communicate(timeout=60)

        assert done.returncode == 0, done.stderr
        assert "COMPLETED" in done.stdout
        assert up.returncode == 0
