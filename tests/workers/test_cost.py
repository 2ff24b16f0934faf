"""Cost by hand: totals times prices, half-even at six decimals, unknown stays unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest

from milepost.kinds.executions.cost import MOST, cost
from workers.executions.tokens import estimate_tokens

SONNET = (Decimal("0.003"), Decimal("0.015"))


def test_the_example_computed_by_hand() -> None:
    # 1,234 / 1000 x 0.003 + 567 / 1000 x 0.015 = 0.003702 + 0.008505
    assert cost(1234, 567, *SONNET) == Decimal("0.012207")


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(1, "0.000000"), (3, "0.000002"), (5, "0.000002"), (7, "0.000004"), (2001, "0.001000")],
)
def test_a_half_goes_to_the_even_neighbour(tokens: int, expected: str) -> None:
    rounded = cost(tokens, 0, Decimal("0.0005"), Decimal(0))

    assert str(rounded) == expected


def test_a_missing_price_is_not_zero() -> None:
    assert cost(1, 1, None, Decimal(1)) is None
    assert cost(1, 1, Decimal(1), None) is None
    assert cost(0, 0, Decimal(0), Decimal(0)) == 0


def test_missing_counts_are_nothing_yet() -> None:
    assert cost(None, None, *SONNET) == 0
    assert cost(1000, None, *SONNET) == Decimal("0.003000")


def test_the_cost_fits_its_column() -> None:
    assert cost(2**31 - 1, 2**31 - 1, Decimal("9999.999999"), Decimal("9999.999999")) == MOST


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("猫", 1), ("猫猫", 2)])
def test_estimates_are_four_bytes_a_token_rounded_up(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens
