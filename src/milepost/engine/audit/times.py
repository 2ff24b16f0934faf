"""Compares what rows and seals say of when they were made. Neither is signed by a clock: only contradictions are found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import inf, isfinite

from milepost.db.audit_reads import Kept
from milepost.domain.canonical import Entry
from milepost.engine.audit.report import Tampered, told

# seconds: how long a transaction may have been open before its rows were sealed, and how far two servers' clocks may be
# apart
TOLERANCE = 3600.0
# how far ahead of the clock that it is compared with a time may be which that clock gave
AHEAD = 60.0


def moment(written: str) -> float | None:
    """Seconds since 1970; None for a date that only PostgreSQL can say."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo else None


class Times:
    """Of one log, seal by seal."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._sealed_at = -inf
        self._epoch: int | None = None
        self._newest = -inf

    def judge(self, kept: Kept, entries: Sequence[Entry]) -> list[Tampered]:
        """No row can be much older than one before it, nor newer than its seal; no seal older than one before it.

        When an earlier seal was made says nothing of a row: what waited for long is sealed batch by batch, all of it old.
        """
        if self._epoch != kept.seal.epoch:
            self._epoch, self._newest = kept.seal.epoch, -inf
        if what := self._untrue(kept, entries):
            first = entries[0] if entries else None
            seal, about = kept.seal, told(first) if first else ""
            return [Tampered(seal.log, first and first.id, seal.first_leaf, seal.number, what, about)]
        self._sealed_at = max(self._sealed_at, kept.sealed_at)
        return self._misdated(kept, entries)

    def _untrue(self, kept: Kept, entries: Sequence[Entry]) -> str | None:
        """What is wrong with the time of the seal."""
        if not isfinite(kept.sealed_at) or kept.sealed_at - self._now > AHEAD:
            return "its seal does not say when it was made, or says a time to come"
        if self._sealed_at - kept.sealed_at > TOLERANCE:
            return "its seal says a time long before that of the seal before it"
        # the first row that is in order ends this look
        written = (moment(entry.created_at) for entry in entries)
        if entries and all(at is not None and at - kept.sealed_at > TOLERANCE for at in written):
            return "it says that it was written long after its seal was made"
        return None

    def _misdated(self, kept: Kept, entries: Sequence[Entry]) -> list[Tampered]:
        seal, found = kept.seal, list[Tampered]()
        for place, entry in enumerate(entries, seal.first_leaf):
            at = moment(entry.created_at)
            if at is None or at - kept.sealed_at > TOLERANCE or self._newest - at > TOLERANCE:
                what = f"it says {entry.created_at}, which is not when it was written"
                found.append(Tampered(seal.log, entry.id, place, seal.number, what, told(entry)))
            else:
                self._newest = max(at, self._newest)
        return found
