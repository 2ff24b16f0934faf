"""Which of the known names somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

# what difflib itself takes for a close match
CLOSE = 0.6
SHORTEST_PART = 3
# names that are longer are nobody's typing error, and comparing costs their length squared
LONGEST = 100


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like this one; None where none is."""
    first = next(iter(nearest_first(name, known)), None)
    return first if first is not None and _likeness(_plain(name), _plain(first)) else None


def nearest_first(name: str, known: Iterable[str]) -> list[str]:
    """All of them: those like `name` before the others, which keep their order."""
    return sorted(known, key=lambda one: -_likeness(_plain(name), _plain(one)))


def _likeness(name: str, known: str) -> float:
    """0 unless they are close, or one is a part of the other."""
    ratio = SequenceMatcher(None, name, known, autojunk=False).ratio()
    part = min(len(name), len(known)) >= SHORTEST_PART and (name in known or known in name)
    return ratio if part or ratio >= CLOSE else 0.0


def _plain(name: str) -> str:
    """As people confuse names: their case and their hyphens tell nothing."""
    return name[:LONGEST].lower().replace("-", "_")
