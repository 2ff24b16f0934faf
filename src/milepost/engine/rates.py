"""How often somebody may ask: an allowance that refills evenly, kept as one number per caller in this process."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from ipaddress import ip_address
from time import monotonic

from milepost.domain.errors import TooOften

MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """`burst` at once, and `per_second` from then on. `name` is told to whom it refuses."""

    name: str
    per_second: float
    burst: int


class Rates:
    """Of each caller the time at which its whole allowance is there again; who is not in the table has all of it."""

    def __init__(
        self, allowance: Allowance, clock: Callable[[], float] = monotonic, most: int = MOST_REMEMBERED
    ) -> None:
        self._allowance = allowance
        self._clock = clock
        self._most = most
        self._each = 1 / allowance.per_second
        self._span = (allowance.burst - 1) * self._each
        self._whole_at: dict[Hashable, float] = {}

    def check(self, who: Hashable) -> None:
        """Raises TooOften when nothing is left; takes nothing."""
        wait = self._whole_at.get(who, 0.0) - self._clock() - self._span
        if wait > 0:
            raise TooOften(allowance=self._allowance, seconds=wait)

    def take(self, who: Hashable) -> None:
        """Raises TooOften; a refused request costs nothing."""
        self.check(who)
        self.note(who)

    def note(self, who: Hashable) -> None:
        """Takes one whether or not it is there."""
        now = self._clock()
        known = self._whole_at.get(who)
        if known is None and len(self._whole_at) >= self._most:
            self._forget(now)
        # never further ahead than one beyond the whole: a flood locks nobody out for longer than its allowance takes
        self._whole_at[who] = min(max(known or 0.0, now) + self._each, now + self._span + self._each)

    def _forget(self, now: float) -> None:
        """Those whose allowance is whole; of the busy the ones that came first, until a tenth is free.

        So the whole table is gone through once for a tenth of it, and not once for each who comes.
        """
        busy = [(who, at) for who, at in self._whole_at.items() if at > now]
        too_many = len(busy) - self._most + max(1, self._most // 10)
        self._whole_at = dict(busy[max(0, too_many) :])


def place_of(client: tuple[str, int] | None) -> str:
    """Where a request comes from: its address, of IPv6 the network of 64 bits, of which everybody has plenty."""
    host = client[0] if client else ""
    if ":" not in host:
        return host
    try:
        return f"{int(ip_address(host)) >> 64:x}"
    except ValueError:
        return host
