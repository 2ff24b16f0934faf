"""Compares a log's seals with its anchors, and with a checkpoint that somebody else has kept."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from milepost.domain.checkpoint import Checkpoint, Malformed
from milepost.engine.audit.report import Walk
from milepost.engine.audit.tree import Made, Sealed
from milepost.engine.seal import ALARM


def check_anchors(walk: Walk, notes: Sequence[str | None], sealed: Sealed, *, begun: Collection[str]) -> None:
    """Every anchored checkpoint must be one of the seals, in their order, and every seal must be anchored.

    `begun` names seals at which the log itself says that its anchors begin.
    """
    anchored: dict[int, bytes] = {}
    for number, note in enumerate(notes, 1):
        said = _read(walk, note, f"anchor {number}")
        if said is None:
            continue
        # that one is anchored twice, and another between, may be: of two sealers one was slow
        if said.size not in anchored and anchored and said.size < max(anchored):
            walk.add(f"anchor {number} is of {said.size} rows and stands behind one of {max(anchored)}")
        if anchored.setdefault(said.size, said.root) != said.root:
            walk.add(f"anchor {number} is a fork: two trees of {said.size} rows")
        _compare(walk, sealed, said, f"anchor {number}", "anchored")
    if anchored:
        _check_missing(walk, sealed, anchored, begun)
    elif sealed.last is not None:
        walk.add("nothing is anchored, but rows are sealed", leaf=0)


def check_kept(walk: Walk, notes: Sequence[str], sealed: Sealed) -> None:
    """What a witness was shown once must be one of the seals: each is checked to grow from those before it."""
    for note in notes:
        if (said := _read(walk, note, "the checkpoint that was kept")) is not None:
            _compare(walk, sealed, said, "the checkpoint that was kept", "known to have been sealed")


def _read(walk: Walk, note: str | None, name: str) -> Checkpoint | None:
    try:
        return walk.keys.open(note or "", walk.origin)
    except Malformed as error:
        walk.add(f"{name} does not count: {error}")
        return None


def _compare(walk: Walk, sealed: Sealed, said: Checkpoint, name: str, known: str) -> None:
    made = sealed.made.get(said.size)
    if said.size > sealed.size:
        what = f"{said.size} rows are {known} and {sealed.size} sealed: the seals were rolled back"
        walk.add(what, leaf=sealed.size)
    elif made is None:
        walk.add(f"{name} is of {said.size} rows, which no seal has")
    elif made.root != said.root:
        what = f"{name} has another tree of {said.size} rows: a row of this seal or before it was altered"
        walk.add(what, row=made.row, seal=made.number)


def _check_missing(walk: Walk, sealed: Sealed, anchored: Collection[int], begun: Collection[str]) -> None:
    first, newest = min(anchored), max(anchored)
    made = sealed.made.get(first)
    told = made is not None and str(made.number) in begun
    for size, seal in sealed.made.items():
        if size in anchored or (size < first and told):
            continue
        # the newest may be on its way; a time that cannot be is a finding of its own
        if size < newest or sealed.now - seal.sealed_at > ALARM:
            _never(walk, seal)


def _never(walk: Walk, seal: Made) -> None:
    walk.add("this seal is not anchored", row=seal.row, seal=seal.number)
