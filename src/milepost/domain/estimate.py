"""How long work will still take, judged by how it came on so far: a job by its percents, many jobs by their ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, NamedTuple, Self

# of the work; what is done before says too little of the rest
LEAST_DONE = 0.2
# seconds of work; what happens within them is a beginning, not a pace
LEAST_TIME = 1.0
LONGEST = 30 * 86_400.0
# a later end by less than this share of what is left is no news, and the end that was told stays
SLACK = 0.1


class Sample(NamedTuple):
    """So much, from 0 to 1, was done so many seconds after the beginning."""

    at: float
    done: float


class Left(NamedTuple):
    """What may be told: seconds to the end, if any can be named. `late`: more than it once was, so it may be more yet."""

    seconds: float | None
    late: bool


@dataclass(frozen=True, slots=True)
class Forecast:
    """When work is expected to end, in seconds after its beginning. `promised`: the earliest end that was ever expected."""

    first: Sample | None = None
    last: Sample | None = None
    expected: float | None = None
    promised: float | None = None

    def heard(self, at: float, done: float) -> Self:
        """What is known after another sample. One that shows no advance shows nothing, and leaves all as it is."""
        last = self.last
        if done <= (last.done if last else 0.0):
            return self
        sample = Sample(max(at, last.at) if last else max(at, 0.0), min(done, 1.0))
        first = self.first or sample
        end = _end(first, sample)
        if end is None:
            return type(self)(first, sample, self.expected, self.promised)
        end = _unless_much_later(self.expected, end, sample.at)
        return type(self)(first, sample, end, end if self.promised is None else min(end, self.promised))


def told(now: float, expected: float | None, promised: float | None) -> Left | None:
    """What may be said at `now`: never more than before without `late`. None: nothing, it is too early.

    All three are seconds from the same moment, whichever it is.
    """
    if expected is None or promised is None:
        return None
    if now >= expected:
        return Left(None, late=True)
    return Left(expected - now, late=expected > promised)


def time_left(now: datetime, expected_at: datetime | None, promised_at: datetime | None) -> Left | None:
    """The same by the clock."""
    if expected_at is None or promised_at is None:
        return None
    return told(0.0, (expected_at - now).total_seconds(), (promised_at - now).total_seconds())


def later(left: Left | None, seconds: float) -> Left | None:
    """What is still true of it so many seconds after it was told."""
    return left if left is None or left.seconds is None else told(seconds, left.seconds, left.seconds - left.late)


def of_all(parts: Iterable[Left | None]) -> Left | None:
    """Of work whose parts go on side by side: when the last one ends. None while nothing may be said of one of them."""
    known: list[Left] = []
    for part in parts:
        if part is None:
            return None
        known.append(part)
    if not known:
        return None
    seconds = [part.seconds for part in known if part.seconds is not None]
    unknown = len(seconds) < len(known)
    return Left(None if unknown else max(seconds), late=any(part.late for part in known))


def answered(left: Left | None) -> dict[str, int | bool | None]:
    """The same as fields of an answer, in whole seconds."""
    seconds = left.seconds if left else None
    return {"seconds_left": None if seconds is None else ceil(seconds), "late": left is not None and left.late}


def understood(answer: Mapping[str, Any]) -> Left | None:
    """The same again, of such fields."""
    seconds, late = answer.get("seconds_left"), bool(answer.get("late"))
    return None if seconds is None and not late else Left(seconds, late)


def spoken(left: Left | None) -> str:
    """The same in words; empty where nothing may be said."""
    if left is None:
        return ""
    if left.seconds is None:
        return "taking longer than expected"
    return f"about {_span(left.seconds)} left" + (", slower than expected" if left.late else "")


def _end(first: Sample, last: Sample) -> float | None:
    """By the slower of two paces: from the beginning, and since the first sample."""
    if first == last or last.done < LEAST_DONE or last.done >= 1 or last.at < LEAST_TIME:
        return None
    rest = 1 - last.done
    whole, recent = last.at * rest / last.done, (last.at - first.at) * rest / (last.done - first.done)
    return last.at + min(max(whole, recent), LONGEST)


def _unless_much_later(before: float | None, end: float, now: float) -> float:
    if before is not None and before > now and before < end <= before + SLACK * (before - now):
        return before
    return end


def _span(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(1, round(seconds))} s"
