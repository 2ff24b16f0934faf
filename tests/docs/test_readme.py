"""The commands of README.md do what the page says, in a copy of the repository, by the Makefile itself."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import Up
from tests.docs.copies import copy_of_the_repository, environment_of, run
from tests.docs.pages import ROOT, commands_in, files_in

PAGE = ROOT / "README.md"
BLOCKS = dict(commands_in(PAGE))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    with copy_of_the_repository() as folder:
        yield folder


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_the_demo_ends_by_itself_and_leaves_nothing_but_its_stickers(copy: Path) -> None:
    before = {path.name for path in copy.iterdir()}

    said = run(BLOCKS["alone"], copy, environment_of(copy))

    assert "COMPLETED" in said
    assert {path.name for path in copy.iterdir()} - before == {".milepost-demo"}
    assert {path.suffix for path in (copy / ".milepost-demo").rglob("*") if path.is_file()} == {".png"}


def test_the_tour_works_beside_a_stack(copy: Path) -> None:
    for path, text in files_in(PAGE):
        (copy / path).write_text(text)
    environment = environment_of(copy)
    with Up(copy / ".milepost", environment=environment) as stack:
        said = run(BLOCKS["beside the stack"], copy, environment)
        exports = "\n".join(line for line in stack.greeting.splitlines() if line.startswith("export "))
        answered = run(f"{exports}\n{BLOCKS['over HTTP']}", copy, environment)

    assert '"kind":"execution"' in answered
    assert said.count("COMPLETED") >= 2
    assert "Everything holds" in said


def test_the_two_commands_stand_first() -> None:
    text = PAGE.read_text()
    first = re.search(r"```sh\n(.*?)```", text, re.DOTALL)

    assert first is not None
    assert [line.split(" #")[0].strip() for line in first[1].splitlines() if line.strip()] == ["make demo", "make test"]
