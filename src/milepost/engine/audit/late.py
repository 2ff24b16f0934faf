"""Rows that wait for their seal: counted, and named where they wait for too long or for a seal that cannot come."""

from __future__ import annotations

from milepost.db.audit_reads import Clock
from milepost.domain.canonical import Entry
from milepost.engine.audit.report import Walk
from milepost.engine.audit.times import AHEAD, moment
from milepost.engine.seal import ALARM


def count_unsealed(walk: Walk, row: Entry, clock: Clock) -> None:
    """The first one that waits for too long is named: the sealer stands still."""
    seen = walk.counted
    seen.unsealed += 1
    at = moment(row.created_at)
    if row.xid >= clock.horizon:
        # whoever wrote it could be seen no sooner than his transaction had a number
        walk.name(row, f"it says transaction {row.xid}, which has not been, and will not be sealed")
    elif at is None or at - clock.now > AHEAD:
        walk.name(row, f"it says {row.created_at}, which is not when it was written")
    else:
        age = clock.now - at
        if age > ALARM >= seen.lag_seconds:
            walk.name(row, f"it has not been sealed for {age:.0f} seconds")
        seen.lag_seconds = max(seen.lag_seconds, age)
