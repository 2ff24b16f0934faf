"""What is drawn when a request leaves it open: effects and style, made definite by tribe and rarity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.images.render import burst, foil, frame
from workers.images.render.spec import StickerSpec, Tier


@dataclass(frozen=True, slots=True)
class Choices:
    """Nothing here is automatic any more."""

    foil: str
    foil_strength: float
    starburst: str
    rays: int
    sparkles: int
    gloss: float
    lettering: str
    frame: str
    gold_outline: bool
    grain: bool


def choices_of(spec: StickerSpec) -> Choices:
    effects, style, tribe, tier = spec.effects, spec.style, spec.tribe, spec.tier
    kind = _word(effects, "foil", foil.AUTO[tier])
    strength = effects.get("foil_strength")
    outline = _word(style, "outline", "gold" if tier is Tier.HEAD else "black")
    return Choices(
        foil=kind,
        foil_strength=float(strength) / 100 if strength is not None else foil.strength_of(tribe, kind),
        starburst=_word(effects, "starburst", burst.EDGES[tribe]),
        rays=int(effects.get("rays") or burst.RAYS[tier]),
        sparkles=_sparkles(effects, tier),
        gloss=(0.34 if tier is Tier.HEAD else 0.20) if effects.get("gloss", True) else 0.0,
        lettering=_word(style, "lettering", "auto"),
        frame=_word(style, "frame", frame.AUTO[tribe]),
        gold_outline=outline == "gold",
        grain=bool(style.get("grain", True)),
    )


def _word(values: Mapping[str, Any], key: str, automatic: str) -> str:
    word = values.get(key)
    return automatic if word is None or word == "auto" else str(word)


def _sparkles(effects: Mapping[str, Any], tier: Tier) -> int:
    asked = effects.get("sparkles")
    return burst.SPARKLES[tier] if asked is None else int(asked)
