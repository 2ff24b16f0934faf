"""No fence: whoever once held a job may write to it for as long as it runs, whoever holds it by then."""

from __future__ import annotations

from milepost.db import statements
from milepost.kinds import all_kinds
from tests.faults.breakages.patching import reword

VERSION = "j.version = m.version AND "
# not without any: a lease on a job that does not run is refused by a CHECK, and would spoil the beats of a whole group
HELD = ("j.version = m.version AND j.lease_owner = $3", "j.lease_owner IS NOT NULL AND $3::text <> ''")


def apply() -> None:
    reword(statements, "claim", (VERSION, ""))
    reword(statements, "move", (VERSION, ""))
    reword(statements, "note", HELD)
    # the worker is told the version that it asked for, so that it does not find out by itself
    reword(statements, "beat", HELD, ("RETURNING j.id, j.version", "RETURNING j.id, m.version"))
    for kind in all_kinds():
        _try(kind.table)


def _try(table: statements.JobTable) -> None:
    statements.claim(table)
    statements.note(table, ("progress",))
    statements.beat(table)
    for edge in table.machine.edges:
        if edge.from_status:
            statements.move(table, edge, (), 0, noted=False, delayed=False)
