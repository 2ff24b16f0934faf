"""The house's walls: who may import whom, small modules, a sentence for each, kinds that do not know each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from milepost.domain.errors import ConfigurationError, MilepostError
from milepost.kinds import all_kinds

ROOT = Path(__file__).parents[2]
MODULES = sorted([*(ROOT / "src" / "milepost").rglob("*.py"), *(ROOT / "workers").rglob("*.py")])
LONGEST = 450
KINDS = ROOT / "src" / "milepost" / "kinds"


def named(module: Path) -> str:
    return str(module.relative_to(ROOT))


def test_imports_go_one_way() -> None:
    # the contracts stand in pyproject.toml; exhaustive, so that a new room must be given its floor
    # in a process of its own: the linter's logging set-up silences every logger that exists already
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_a_module_says_in_a_sentence_what_it_is(module: Path) -> None:
    told = ast.get_docstring(ast.parse(module.read_text()))

    assert told
    first = told.splitlines()[0]
    assert first.rstrip().endswith((".", ":")), first


def test_no_module_is_too_long_to_be_read_at_once() -> None:
    lengths = {named(module): len(module.read_text().splitlines()) for module in MODULES}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}
    ordered = sorted(lengths.values())
    assert ordered[len(ordered) // 2] <= 110, "the house is made of small modules"


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "manager", "base", "misc"])
def test_no_module_is_named_after_nothing(word: str) -> None:
    assert [named(module) for module in MODULES if word in module.stem.split("_")] == []


def _imports(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_kinds_do_not_know_each_other() -> None:
    rooms = {room.stem: room for room in KINDS.iterdir() if room.stem in {kind.path for kind in all_kinds()}}

    assert rooms
    for name, room in rooms.items():
        others = {f"milepost.kinds.{other}" for other in rooms} - {f"milepost.kinds.{name}"}
        for module in [room] if room.is_file() else room.rglob("*.py"):
            known = [wanted for wanted in _imports(module) if wanted.startswith(tuple(others))]
            assert known == [], named(module)


@pytest.mark.parametrize("room", ["domain", "db", "engine", "queue"])
def test_the_core_names_no_kind(room: str) -> None:
    words = {
        word for kind in all_kinds() for word in (f'"{kind.name}"', f'"{kind.path}"', f"milepost.kinds.{kind.path}")
    }
    for module in sorted((ROOT / "src" / "milepost" / room).rglob("*.py")):
        found = [word for word in words if word in module.read_text()]
        assert found == [], named(module)


def _errors(root: type[MilepostError]) -> Iterator[type[MilepostError]]:
    for error in root.__subclasses__():
        yield error
        yield from _errors(error)


def test_the_tree_of_errors_is_drawn_whole() -> None:
    from milepost.domain import errors

    ours = {error.__name__ for error in _errors(MilepostError) if error.__module__ == errors.__name__}

    assert ConfigurationError.__name__ in ours
    assert {name for name in ours if f"── {name}" not in (errors.__doc__ or "")} == set()


SPEAKING = [*MODULES, *(ROOT / "benchmarks").glob("*.py")]


@pytest.mark.parametrize("module", SPEAKING, ids=named)
def test_no_child_of_ours_answers_where_libraries_print(module: Path) -> None:
    """What is read from a child's standard output may be a library's warning: `net/child_process.py` has a pipe for it."""
    calls = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    given = [ast.unparse(word.value) for call in calls for word in call.keywords if word.arg in {"stdout", "stderr"}]

    assert [value for value in given if value.endswith("PIPE")] == []
