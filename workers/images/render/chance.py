"""The only chance in a picture: a stream of numbers that follows from words, on every machine and Python alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_MASK = (1 << 64) - 1


class Chance:
    """SplitMix64, seeded by the SHA-256 of the words it is given."""

    __slots__ = ("_state",)

    def __init__(self, *words: object) -> None:
        text = "\x1f".join(str(word) for word in words)
        self._state = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

    def bits(self) -> int:
        """The next 64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def unit(self) -> float:
        """A number of [0, 1)."""
        return (self.bits() >> 11) / (1 << 53)

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.unit()

    def whole(self, low: int, high: int) -> int:
        """A whole number of [low, high]."""
        return low + self.bits() % (high - low + 1)

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.bits() % len(choices)]
