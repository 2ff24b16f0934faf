"""Pages that the code tells are as the code tells them now."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import figures as measurement
from docs import figures, generate
from milepost.settings import Settings
from tests.docs.pages import ROOT

PAGES = generate.pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_generated_page_is_up_to_date(path: Path) -> None:
    assert path.read_text() == PAGES[path], "run 'make docs'"


def test_the_aims_that_the_pages_name_are_those_of_the_measurement() -> None:
    rows = figures.FIGURE.finditer((ROOT / "README.md").read_text())
    named = {row["key"]: found[0] for row in rows if (found := figures.AIM.search(row["aim"]))}

    assert len(named) > 10
    assert named == {key: measurement.aim(key) for key in named}


def test_every_setting_says_what_it_is_for() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()

    assert [name for name in Settings.model_fields if f"`MILEPOST_{name.upper()}`" not in page] == []
