"""Half a fence: who lost a job can not move it any more, and still notes its progress and renews its lease."""

from __future__ import annotations

from milepost.db import statements
from milepost.kinds import all_kinds
from tests.faults.breakages.patching import reword

# not without any: a lease on a job that does not run is refused by a CHECK, and would spoil the beats of a whole group
HELD = ("j.version = m.version AND j.lease_owner = $3", "j.lease_owner IS NOT NULL AND $3::text <> ''")


def apply() -> None:
    reword(statements, "note", HELD)
    # the worker is told the version that it asked for, so that it does not find out by itself
    reword(statements, "beat", HELD, ("RETURNING j.id, j.version", "RETURNING j.id, m.version"))
    for kind in all_kinds():
        statements.note(kind.table, ("progress",))
        statements.beat(kind.table)
