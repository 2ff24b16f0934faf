"""No fence: whoever once held a job may write to it for as long as it runs, whoever holds it by then."""

from __future__ import annotations

from milepost.db import statements
from milepost.kinds import all_kinds
from tests.faults.breakages import late_notes_and_beats
from tests.faults.breakages.patching import reword

VERSION = "j.version = m.version AND "


def apply() -> None:
    reword(statements, "claim", (VERSION, ""))
    reword(statements, "move", (VERSION, ""))
    late_notes_and_beats.apply()
    for kind in all_kinds():
        _try(kind.table)


def _try(table: statements.JobTable) -> None:
    statements.claim(table)
    for edge in table.machine.edges:
        if edge.from_status:
            statements.move(table, edge, (), 0, noted=False, delayed=False)
