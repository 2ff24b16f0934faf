"""The models and prices a new installation starts with, from the offline snapshot of genai-prices if it is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

DEFAULT_MODEL = "claude-sonnet-4-20250514"
OFFLINE_MODEL = "offline/extract"

PRO, STANDARD = "pro", "standard"
_PRO_FROM = Decimal("0.020")  # US dollars per 1,000 output tokens

_MICRO = Decimal("0.000001")
_FREE = Decimal("0.000000")
_PROVIDERS = {
    "anthropic": ("claude", re.compile(r"claude-[a-uw-z][a-z0-9.-]+")),
    "openai": ("openai", re.compile(r"(gpt-[4-9]|o[1-9])[a-z0-9.-]*")),
    "google": ("gemini", re.compile(r"gemini-[0-9][a-z0-9.-]+")),
}
# Models that do not answer a prompt with text, or not through the interfaces that the adapters speak.
_NO_CHAT = re.compile(
    r"audio|image|live|realtime|transcri|tts|translate|whisper|embedding|vision|search|computer-use|research|instruct"
    r"|robotics|omni|codex|^(gpt|o[1-9]).*-pro$|32k|\.ft-"
)


@dataclass(frozen=True, slots=True)
class ModelSeed:
    """One row for `llm_models`. Prices are US dollars per 1,000 tokens; None is unknown, which is not zero."""

    provider_id: str
    model_name: str
    model_class: str
    cost_per_1k_input_tokens: Decimal | None
    cost_per_1k_output_tokens: Decimal | None


def seed_models(at: datetime) -> list[ModelSeed]:
    """Models by unique name, sorted. `at` chooses among prices that changed on a date.

    Where a price rises with the length of a prompt, the seed has the first tier: a table of one price per model cannot
    say more.
    """
    seeds = {OFFLINE_MODEL: ModelSeed("offline", OFFLINE_MODEL, STANDARD, _FREE, _FREE)}
    seeds[DEFAULT_MODEL] = ModelSeed("claude", DEFAULT_MODEL, STANDARD, None, None)
    for seed in _snapshot(at):
        seeds[seed.model_name] = seed
    return sorted(seeds.values(), key=lambda seed: (seed.provider_id, seed.model_name))


def _snapshot(at: datetime) -> Iterator[ModelSeed]:
    try:
        from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - an extra that may be missing
    except ImportError:
        return
    for provider in get_snapshot().providers:
        if provider.id not in _PROVIDERS:
            continue
        provider_id, named = _PROVIDERS[provider.id]
        for model in provider.models:
            if named.fullmatch(model.id) and not _NO_CHAT.search(model.id):
                yield _seed(provider_id, model.id, model, at)
        if provider_id == "claude" and (default := provider.find_model(DEFAULT_MODEL)):
            yield _seed(provider_id, DEFAULT_MODEL, default, at)


def _seed(provider_id: str, name: str, model: ModelInfo, at: datetime) -> ModelSeed:
    prices = model.get_prices(at)
    output = _per_thousand(getattr(prices, "output_mtok", None))
    return ModelSeed(
        provider_id, name, _class(name, output), _per_thousand(getattr(prices, "input_mtok", None)), output
    )


def _class(name: str, output_price: Decimal | None) -> str:
    named_pro = "pro" in re.split(r"[^a-z0-9]", name)
    return PRO if named_pro or (output_price or 0) >= _PRO_FROM else STANDARD


def _per_thousand(price: object) -> Decimal | None:
    per_million = getattr(price, "base", price)
    if not isinstance(per_million, Decimal):
        return None
    return (per_million / 1000).quantize(_MICRO, rounding=ROUND_HALF_EVEN)
