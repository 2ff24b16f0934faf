"""Which epochs of a log are real: only sealed rows can tell, for a seal's epoch and where it begins are not signed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from milepost.db.seals import EPOCH_STARTED, Position, Seal
from milepost.domain.canonical import Entry
from milepost.engine.audit.report import Tampered, told


class Epochs:
    """Collects what seals say and what sealed rows say. `after_ids` holds, after `end`, where real epochs begin."""

    def __init__(self) -> None:
        self.after_ids: dict[int, int] = {}
        self._first: dict[int, tuple[int, int]] = {}
        self._told: dict[int, set[int]] = {}

    def take(self, seal: Seal, entries: Sequence[Entry]) -> Iterator[Tampered]:
        """A leaf holds its epoch: the first row of the seal that is of another one is a finding."""
        self.after_ids[seal.epoch] = seal.after_id
        self._first.setdefault(seal.epoch, (seal.number, seal.first_leaf))
        for entry in entries:
            if entry.action == EPOCH_STARTED and (begun := _begun(entry)) is not None:
                self._told.setdefault(entry.epoch, set()).add(begun)
        for place, entry in enumerate(entries, seal.first_leaf):
            if entry.epoch != seal.epoch:
                what = f"it was sealed in epoch {entry.epoch}, and its seal says {seal.epoch}"
                yield Tampered(seal.log, entry.id, place, seal.number, what, told(entry))
                return

    def end(self, log: str) -> Iterator[Tampered]:
        """An epoch after the first must be told of by a row in it, and by no other row differently."""
        for epoch, after_id in sorted(self.after_ids.items()):
            if epoch != Position().epoch and self._told.get(epoch) != {after_id}:
                del self.after_ids[epoch]
                number, leaf = self._first[epoch]
                what = f"no sealed row tells that epoch {epoch} begins behind row {after_id}"
                yield Tampered(log, None, leaf, number, what)


def _begun(entry: Entry) -> int | None:
    """The id behind which the row's own epoch begins, as it tells."""
    try:
        facts: Any = json.loads(entry.details or "")
        return int(facts["after_id"]) if facts["epoch"] == entry.epoch else None
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
