"""What is said of the time left: nothing too early, and never more than before unless the words own up to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from milepost.domain.estimate import (
    LONGEST,
    Forecast,
    Left,
    answered,
    later,
    of_all,
    spoken,
    time_left,
    told,
    understood,
)

# a life of some work: steps of seconds that pass and of what is done in them
STEPS = some.lists(some.tuples(some.floats(0, 5000), some.floats(0, 0.5)), min_size=1, max_size=30)
CATCHING_UP = ((10, 0.25), (20, 0.5), (36, 0.6), (39, 0.99))
LEFTS = some.one_of(some.none(), some.builds(Left, some.one_of(some.none(), some.floats(0.001, 1e6)), some.booleans()))


def forecast(*samples: tuple[float, float]) -> Forecast:
    found = Forecast()
    for at, done in samples:
        found = found.heard(at, done)
    return found


def left(now: float, *samples: tuple[float, float]) -> Left | None:
    found = forecast(*samples)
    return told(now, found.expected, found.promised)


def test_nothing_is_said_of_one_sample_nor_before_a_fifth_nor_within_a_second() -> None:
    assert left(10, (10, 0.9)) is None
    assert left(20, (10, 0.1), (20, 0.19)) is None
    assert left(0.4, (0.2, 0.4), (0.4, 0.8)) is None
    assert left(20, (10, 0.1), (20, 0.2)) == Left(80, late=False)


def test_a_sample_without_an_advance_is_no_second_sample() -> None:
    assert left(20, (10, 0.5), (20, 0.5), (30, 0.4)) is None


def test_the_slower_of_the_whole_pace_and_the_pace_since_the_first_sample_counts() -> None:
    assert left(20, (10, 0.5), (20, 0.75)) == Left(10, late=False)
    assert left(20, (19, 0.1), (20, 0.5)) == Left(20, late=False)


def test_work_that_is_stuck_runs_its_time_down_and_then_says_that_it_takes_longer() -> None:
    samples = (10, 0.25), (20, 0.5)

    assert [left(now, *samples) for now in (20, 30, 39)] == [Left(20, late=False), Left(10, late=False), Left(1, late=False)]  # fmt: skip
    assert left(40, *samples) == left(4000, *samples) == Left(None, late=True)


def test_a_later_end_is_told_as_slower_and_a_little_later_one_not_at_all() -> None:
    begun = ((10, 0.25), (20, 0.5))

    assert left(31, *begun, (31, 0.76)) == Left(9, late=False)
    assert left(60, *begun, (60, 0.75)) == Left(25, late=True)


def test_what_catches_up_with_its_first_promise_is_not_late_any_more() -> None:
    slow, caught_up = left(36, *CATCHING_UP[:-1]), left(39, *CATCHING_UP)

    assert (slow and slow.late, caught_up and caught_up.late) == (True, False)
    assert slow
    assert caught_up
    assert slow.seconds == pytest.approx(29.714, abs=0.001)
    assert caught_up.seconds == pytest.approx(0.394, abs=0.001)


@given(STEPS, some.lists(some.floats(0, 1), max_size=3))
def test_the_time_left_never_rises_without_a_word_of_it(steps: list[tuple[float, float]], looks: list[float]) -> None:
    found, now, done = Forecast(), 0.0, 0.0
    seen: list[Left | None] = []
    for seconds, advance in steps:
        seen += [told(now + share * seconds, found.expected, found.promised) for share in sorted(looks)]
        now, done = now + seconds, done + advance
        found = found.heard(now, done)
        seen.append(told(now, found.expected, found.promised))

    for before, after in pairwise(look for look in seen if look is not None):
        rises = after.seconds is None or (before.seconds is not None and after.seconds > before.seconds + 1e-6)
        assert after.late or not rises, (before, after)
        assert after.seconds is None or 0 < after.seconds <= LONGEST + 1e-6


@given(STEPS)
def test_nothing_is_ever_said_before_a_fifth_is_done_or_before_two_samples(steps: list[tuple[float, float]]) -> None:
    found, now, done, advances = Forecast(), 0.0, 0.0, 0
    for seconds, advance in steps:
        now, done = now + seconds, done + advance
        advances += advance > 0
        found = found.heard(now, done)
        if min(done, 1.0) < 0.2 or advances < 2:
            assert told(now, found.expected, found.promised) is None


@given(some.floats(0.001, 1000), some.integers(3, 60))
def test_work_at_an_even_pace_is_told_to_the_second(pace: float, count: int) -> None:
    samples = [(pace * step, step / count) for step in range(1, count)]
    found = forecast(*samples)
    at, _ = samples[-1]

    if at >= 1:
        look = told(at, found.expected, found.promised)
        assert look is not None
        assert look.seconds == pytest.approx(pace, rel=1e-6)
        assert not look.late


@given(LEFTS, some.floats(0, 2e6), some.floats(0, 2e6))
def test_what_was_told_runs_down_by_itself(left: Left | None, one: float, two: float) -> None:
    first, second = later(left, min(one, two)), later(left, max(one, two))

    assert (first is None) == (second is None) == (left is None)
    if first is not None and second is not None and second.seconds is not None:
        assert first.seconds is not None
        assert second.seconds <= first.seconds
        assert second.late == first.late
    if second is not None and second.seconds is None:
        assert second.late or (left is not None and left.seconds is None)


@given(some.lists(LEFTS, max_size=4))
def test_of_several_parts_the_last_one_counts_and_one_that_says_nothing_silences_all(parts: list[Left | None]) -> None:
    whole = of_all(parts)

    if not parts or None in parts:
        assert whole is None
        return
    known = [part for part in parts if part is not None]
    assert whole is not None
    assert whole.late == any(part.late for part in known)
    if whole.seconds is None:
        assert any(part.seconds is None for part in known)
    else:
        assert all(part.seconds is not None and whole.seconds >= part.seconds for part in known)


@given(LEFTS)
def test_words_are_whole_and_never_name_nothing(left: Left | None) -> None:
    words = spoken(left)

    assert (words == "") == (left is None)
    assert "about 0 " not in words
    assert " ms" not in words
    if left is not None and left.late:
        assert "than expected" in words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1 s"), (1.4, "1 s"), (59.6, "60 s"), (119, "119 s"), (120, "2 min"), (5400, "90 min"), (7200, "2 h"), (200_000, "2 days")],
)  # fmt: skip
def test_the_time_left_is_said_in_one_unit(seconds: float, words: str) -> None:
    assert spoken(Left(seconds, late=False)) == f"about {words} left"
    assert spoken(Left(seconds, late=True)) == f"about {words} left, slower than expected"


@given(LEFTS)
def test_an_answer_tells_whole_seconds_and_is_understood_again(left: Left | None) -> None:
    answer = answered(left)
    again = understood(answer)

    if left is not None and left.seconds is None and not left.late:
        return  # nothing that is ever told
    assert (again is None) == (left is None)
    if left is not None and again is not None:
        assert again.late == left.late
        assert (again.seconds is None) == (left.seconds is None)
        if left.seconds is not None and again.seconds is not None:
            assert left.seconds <= again.seconds < left.seconds + 1


def test_by_the_clock_it_is_the_same() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    soon, then = now + timedelta(seconds=30), now + timedelta(seconds=90)

    assert time_left(now, None, None) is None
    assert time_left(now, then, then) == Left(90, late=False)
    assert time_left(now, then, soon) == Left(90, late=True)
    assert time_left(then, soon, soon) == Left(None, late=True)
