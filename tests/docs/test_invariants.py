"""The page of invariants leaves out none that is asked for, and no control that there is."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT
from tests.faults.breakages import BREAKAGES
from tests.faults.invariants import ALWAYS, AT_REST, PROMISES
from tests.model.test_controls import CONTROLS

PAGE = (ROOT / "docs" / "invariants.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| INV-")]
ASKED = {invariant.number for invariant in (*ALWAYS, *AT_REST, *PROMISES)}


def test_every_number_that_is_asked_after_a_fault_has_its_row() -> None:
    told = set(re.findall(r"^\| INV-\d+ \((I\d+)\)", PAGE, re.MULTILINE))

    assert told >= ASKED


def test_rows_are_numbered_one_by_one() -> None:
    assert [int(re.findall(r"\d+", row)[0]) for row in ROWS] == list(range(1, len(ROWS) + 1))


def test_every_control_is_named_beside_what_it_breaks() -> None:
    named = {control for row in ROWS for control in re.findall(r"\*([^*]+)\*", row)}

    # that a request to cancel stops a retry is no invariant, but the model's
    assert named == set(CONTROLS) - {"a cancel request does not stop a retry"}
    for name, breakage in BREAKAGES.items():
        of_it = [row for row in ROWS if f"`tests/faults/breakages/{name}.py`" in row]
        assert any(f"({breakage.caught_by})" in row for row in of_it), name
