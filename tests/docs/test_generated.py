"""Pages that the code tells are as the code tells them now."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from benchmarks import figures
from milepost.settings import Settings
from tests.docs.pages import ROOT


def generate() -> Any:
    spec = spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGES: dict[Path, str] = generate().pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_generated_page_is_up_to_date(path: Path) -> None:
    assert path.read_text() == PAGES[path], "run 'make docs'"


def test_the_aims_that_the_pages_name_are_those_of_the_measurement() -> None:
    rows = generate().FIGURE.finditer((ROOT / "README.md").read_text())
    named = {row["key"]: found[0] for row in rows if (found := generate().AIM.search(row["aim"]))}

    assert len(named) > 10
    assert named == {key: figures.aim(key) for key in named}


def test_every_setting_says_what_it_is_for() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()

    assert [name for name in Settings.model_fields if f"`MILEPOST_{name.upper()}`" not in page] == []
