"""The prices a new installation starts with are the snapshot's, exactly, and never a guess."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from milepost.tenancy.prices import DEFAULT_MODEL, OFFLINE_MODEL, ModelSeed, seed_models

AT = datetime(2026, 11, 1, tzinfo=UTC)


def _by_name() -> dict[str, ModelSeed]:
    return {seed.model_name: seed for seed in seed_models(AT)}


def test_names_are_unique_and_prices_fit_their_column() -> None:
    seeds = seed_models(AT)

    assert len({seed.model_name for seed in seeds}) == len(seeds)
    assert {seed.provider_id for seed in seeds} == {"claude", "gemini", "offline", "openai"}
    for seed in seeds:
        for price in (seed.cost_per_1k_input_tokens, seed.cost_per_1k_output_tokens):
            assert price is None or (price >= 0 and price.as_tuple().exponent == -6 and price < 9999)


def test_the_default_model_has_the_price_of_its_family() -> None:
    default = _by_name()[DEFAULT_MODEL]

    assert default == ModelSeed("claude", DEFAULT_MODEL, "standard", Decimal("0.003000"), Decimal("0.015000"))


def test_the_offline_model_costs_nothing() -> None:
    offline = _by_name()[OFFLINE_MODEL]

    assert (offline.provider_id, offline.cost_per_1k_input_tokens, offline.cost_per_1k_output_tokens) == (
        "offline",
        Decimal(0),
        Decimal(0),
    )


def test_models_that_do_not_write_text_are_left_out() -> None:
    assert not [name for name in _by_name() if "embedding" in name or "image" in name or "tts" in name]


def test_without_the_snapshot_the_default_model_is_there_with_an_unknown_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices.data_snapshot", None)

    seeds = _by_name()

    assert set(seeds) == {DEFAULT_MODEL, OFFLINE_MODEL}
    assert seeds[DEFAULT_MODEL].cost_per_1k_input_tokens is None
