"""How long a running attempt will still take, judged by how far it came in how much time."""

from __future__ import annotations

from datetime import datetime, timedelta

# below this share of the work a guess is noise
LEAST_PROGRESS = 1
LONGEST = timedelta(days=30)


def time_left(progress: int, claimed_at: datetime | None, now: datetime) -> timedelta | None:
    """None where nothing can be said: nobody works on it, or there is no progress yet.

    Progress rises only within an attempt and begins anew with each, so it is measured from `claimed_at`.
    """
    if claimed_at is None or progress < LEAST_PROGRESS:
        return None
    elapsed = max(now - claimed_at, timedelta())
    return min(elapsed * (100 - progress) / progress, LONGEST)


def seconds_left(progress: int, claimed_at: datetime | None, now: datetime) -> int | None:
    """The same in whole seconds, for answers."""
    left = time_left(progress, claimed_at, now)
    return None if left is None else round(left.total_seconds())
