"""What the pages point at is there: files, functions, tests, commands of the Makefile, headings."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, markdown

PAGES = markdown()
LINK = re.compile(r"\[[^\]]+\]\((?!https?:)(?P<path>[^)#\s]*)(?:#(?P<heading>[^)\s]+))?\)")
PLACE = re.compile(r"`(?P<file>[\w/.-]+\.(?:py|lua)):(?P<name>[\w.]+)`")
FILE = re.compile(r"`(?P<file>(?:src|tests|workers|docs|migrations|benchmarks|tools)/[\w/.*-]*)`")
NAME = re.compile(r"`(?P<module>(?:milepost|workers)(?:\.[a-z_]+)*)\.(?P<name>\w+)`")
TARGET = re.compile(r"`make (?P<target>[a-z-]+)[^`]*`")
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def headings(page: Path) -> set[str]:
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def names_in(module: Path) -> set[str]:
    """Functions, classes and methods: `name`, `Class.name`."""
    return set(_names(ast.parse(module.read_text()), ""))


def _names(node: ast.AST, before: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield before + child.name
            if isinstance(child, ast.ClassDef):
                yield from _names(child, f"{before}{child.name}.")


def module_of(file: str) -> Path | None:
    """Paths are written from the root, or from `src/milepost`, which most are in."""
    return next((path for base in (ROOT, ROOT / "src" / "milepost") if (path := base / file).is_file()), None)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for found in LINK.finditer(page.read_text()):
        target = (page.parent / found["path"]).resolve() if found["path"] else page
        assert target.exists(), found[0]
        if found["heading"]:
            assert found["heading"] in headings(target), found[0]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_named_function_exists(page: Path) -> None:
    for found in PLACE.finditer(page.read_text()):
        module = module_of(found["file"])
        assert module is not None, found[0]
        if module.suffix == ".py":
            assert found["name"] in names_in(module), found[0]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_named_file_exists(page: Path) -> None:
    made_by_the_reader = {"src/milepost/kinds/digests.py", "workers/digests/__init__.py"}
    for found in FILE.finditer(page.read_text()):
        if found["file"] not in made_by_the_reader:
            assert list(ROOT.glob(found["file"].rstrip("/").replace("NNNN", "*"))) or "NNNN" in found["file"], found[0]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_dotted_name_can_be_imported(page: Path) -> None:
    for found in NAME.finditer(page.read_text()):
        if found["name"] not in {"json", "key"}:  # files of a data folder
            assert hasattr(import_module(found["module"]), found["name"]), found[0]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_named_target_is_in_the_makefile(page: Path) -> None:
    for found in TARGET.finditer(page.read_text()):
        assert found["target"] in MAKE_TARGETS, found[0]


def test_the_life_of_a_job_names_a_function_for_every_step() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    life = text.split("## A job's life", 1)[1].split("\n## ", 1)[0]
    steps = re.split(r"\n\d+\. ", life)[1:]

    assert len(steps) >= 8
    assert [step for step in steps if not PLACE.search(step)] == []


def test_every_invariant_names_what_keeps_it_and_what_proves_it() -> None:
    text = (ROOT / "docs" / "invariants.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| INV-")]

    assert len(rows) >= 10
    for row in rows:
        assert "`tests/" in row, row
        assert PLACE.search(row) or "`migrations/" in row or FILE.search(row.replace("`tests/", "")), row


def test_decisions_are_short_and_of_one_shape() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))

    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    for page in decisions:
        text = page.read_text()
        assert len(text.splitlines()) <= 40, page.name
        assert [
            part for part in ("Context", "Decision", "Consequences", "Rejected") if f"\n## {part}\n" not in text
        ] == []
