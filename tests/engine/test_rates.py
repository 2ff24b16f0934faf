"""Allowances: what may be asked at once, how they come back, and that a table of them stays small."""

from __future__ import annotations

import pytest

from milepost.domain.errors import TooOften
from milepost.engine.rates import Allowance, Rates, place_of


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(rates: Rates, who: str, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            rates.take(who)
        except TooOften:
            continue
        count += 1
    return count


def test_a_burst_is_allowed_at_once_and_then_as_much_as_comes_back() -> None:
    clock = Clock()
    rates = Rates(Allowance("key", per_second=2, burst=5), clock)

    assert taken(rates, "a", 20) == 5
    assert taken(rates, "b", 20) == 5
    clock.now += 1
    assert taken(rates, "a", 20) == 2
    clock.now += 3600
    assert taken(rates, "a", 20) == 5


def test_the_wait_that_is_told_is_enough_and_not_too_long() -> None:
    clock = Clock()
    rates = Rates(Allowance("key", per_second=0.5, burst=3), clock)
    assert taken(rates, "a", 3) == 3

    with pytest.raises(TooOften) as refused:
        rates.take("a")

    assert refused.value.data["seconds"] == pytest.approx(2)
    clock.now += refused.value.data["seconds"]
    rates.take("a")


def test_a_flood_locks_nobody_out_for_longer_than_one_more_takes_to_come_back() -> None:
    clock = Clock()
    rates = Rates(Allowance("refusals", per_second=1, burst=10), clock)
    for _ in range(10_000):
        rates.note("a")

    with pytest.raises(TooOften):
        rates.check("a")
    clock.now += 1
    rates.check("a")


def test_the_table_stays_small_whoever_comes_and_forgets_the_idle_first() -> None:
    clock = Clock()
    rates = Rates(Allowance("refusals", per_second=1, burst=2), clock, most=100)
    for number in range(100):
        rates.note(f"idle {number}")
    clock.now += 10
    assert taken(rates, "busy", 5) == 2
    for number in range(10_000):
        rates.note(number)
        assert len(rates._whole_at) <= 100
    assert "idle 0" not in rates._whole_at


@pytest.mark.parametrize("busy", [100, 95])
def test_a_table_of_busy_callers_is_gone_through_once_for_a_tenth_of_it(busy: int) -> None:
    clock = Clock()
    rates = Rates(Allowance("refusals", per_second=0.001, burst=2), clock, most=100)
    for number in range(100 - busy):
        rates.note(f"idle {number}")
    clock.now += 10_000
    for number in range(busy):
        rates.note(f"busy {number}")
    times = 0
    for number in range(100):
        table = rates._whole_at
        rates.note(f"new {number}")
        times += rates._whole_at is not table

    assert times == 10
    assert "new 99" in rates._whole_at
    assert "busy 0" not in rates._whole_at


def test_a_table_of_one_remembers_the_newest() -> None:
    rates = Rates(Allowance("refusals", per_second=1, burst=2), Clock(), most=1)
    for who in "abc":
        rates.note(who)

    assert list(rates._whole_at) == ["c"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("192.0.2.1", 1), ("192.0.2.1", 2), True),
        (("192.0.2.1", 1), ("192.0.2.2", 1), False),
        (("2001:db8::1", 1), ("2001:db8::ffff:1", 1), True),
        (("2001:db8:0:1::1", 1), ("2001:db8:0:2::1", 1), False),
        (None, None, True),
    ],
)
def test_a_place_is_an_address_and_of_ipv6_a_network(
    one: tuple[str, int], other: tuple[str, int], *, same: bool
) -> None:
    assert (place_of(one) == place_of(other)) == same
