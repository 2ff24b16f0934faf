"""What the load asks for: mostly short prompts that need no model, some answers that take their time, a few pictures."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

OFFLINE, HOSTED = "offline/extract", "claude-sonnet-5"
TEXT = "Bees make honey. They live in hives. Winter is long."
# for the model server: answers that take from a moment to seconds, one that fails once, one too long for its column
PROMPTS = (
    ("Why do birds sing?", 6),
    ("[[drip seconds=0.05 pieces=20]] Tell me slowly.", 6),
    ("[[drip seconds=0.1 pieces=30]] Tell me very slowly.", 4),
    ("[[status code=529 times=1]] You are busy.", 1),
    ("[[cut after=2 times=1]] Hang up on me.", 1),
    ("[[huge bytes=300000]] Tell me everything.", 1),
)
# of those that no model answers: the handler has its result and waits before it ends, for up to so many seconds
LINGER, LINGER_SECONDS = 0.15, 4.0
COLOURS = ("#7a1fa2", "#1565c0", "#2e7d32")
WAYS = ("offline", "hosted")


def marked(prompt: str, tag: str) -> str:
    """The tag comes back in the answer."""
    return f"{prompt} echo={tag}"


def execution(dice: random.Random, tag: str, *, hosted: float) -> dict[str, Any]:
    """Of a model server with that probability. `tag` is told by no two requests."""
    asked: dict[str, Any] = {"prompt": marked(TEXT, tag), "model": OFFLINE, "max_tokens": 100, "metadata": {"tag": tag}}
    if dice.random() < hosted:
        prompt = dice.choices([text for text, _ in PROMPTS], [weight for _, weight in PROMPTS])[0]
        asked |= {"prompt": marked(prompt, tag), "model": HOSTED, "timeout_seconds": 30, "max_attempts": 5}
    elif dice.random() < LINGER:
        asked["prompt"] = marked(f"[[handler lingers {dice.uniform(0.5, LINGER_SECONDS):.1f}]] {TEXT}", tag)
    return asked


def image(dice: random.Random) -> Mapping[str, Any]:
    """One of few, so that most are found in the cache."""
    number = dice.randrange(6)
    return {
        "prompt": f"A small devil who eats thunder, number {number}", "title": "Chaos", "character_name": "Gorogon",
        "attribute": "devil", "rarity": "head", "background_color": COLOURS[number % 3], "seed": number, "size": 256,
        "timeout_seconds": 60,
    }  # fmt: skip
