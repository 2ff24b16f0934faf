"""docs/adding-a-kind.md, followed to the letter in a copy of the repository."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Up
from tests.docs.copies import copy_of_the_repository, environment_of, run
from tests.docs.pages import ROOT, commands_in, files_in

PAGE = ROOT / "docs" / "adding-a-kind.md"
BLOCKS = list(commands_in(PAGE))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    """The repository with the page's files in it, and its first commands done."""
    with copy_of_the_repository() as folder:
        for path, text in files_in(PAGE):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            assert not file.exists()
            file.write_text(text)
        how, commands = BLOCKS[0]
        assert how == ""
        run(commands, folder, environment_of(folder))
        yield folder


def test_the_page_has_the_parts_it_promises() -> None:
    assert [path for path, _ in files_in(PAGE)] == ["src/milepost/kinds/digests.py", "workers/digests/__init__.py"]
    assert [how for how, _ in BLOCKS] == ["", "beside the stack", ""]


def test_the_commands_write_migration_page_and_process(copy: Path) -> None:
    migrations = sorted(file.name for file in (copy / "migrations/tenant/versions").glob("*_digests.py"))

    assert len(migrations) == 1
    assert "QUEUED --> RUNNING: claimed" in (copy / "docs/states.md").read_text()
    assert "worker_digests: milepost worker digests\n" in (copy / "Procfile").read_text()
    assert "POST /v1/digests" in (copy / "docs/routes.md").read_text()


def test_the_new_kind_runs(copy: Path) -> None:
    environment = environment_of(copy)
    with Up(copy / ".milepost", environment=environment) as stack:
        assert "worker-digests" in stack.note["pids"]

        said = run(BLOCKS[1][1], copy, environment)

        listed = json.loads(run("milepost jobs list --kind digests --json", copy, environment))
        job = json.loads(run(f"milepost jobs show {listed['items'][0]['id']} --json", copy, environment))
    assert "Everything holds" in said
    assert [item["status"] for item in listed["items"]] == ["DONE"]
    assert job["sha256"] == hashlib.sha256(b"milepost").hexdigest()
    assert [step["to_status"] for step in job["status_transitions"]] == ["QUEUED", "RUNNING", "DONE"]


def test_the_suite_of_every_kind_takes_it(copy: Path) -> None:
    said = run(BLOCKS[2][1], copy, environment_of(copy), within=150)

    passed = re.search(r"(\d+) passed", said)
    assert passed is not None
    assert int(passed[1]) > 25
