"""No rescuer: what a silent worker held is never looked for, be its lease or its time over."""

from __future__ import annotations

from milepost.db import sweeps
from milepost.kinds import all_kinds
from tests.faults.breakages.patching import reword


def apply() -> None:
    nothing = ("WHERE j.lease_owner IS NOT NULL", "WHERE false AND j.lease_owner IS NOT NULL")
    reword(sweeps, "expired_leases", nothing)
    reword(sweeps, "overdue_running", nothing)
    for kind in all_kinds():
        sweeps.expired_leases(kind.table, kind.preview)
        sweeps.overdue_running(kind.table, kind.preview)
