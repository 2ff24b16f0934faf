"""What is asked of the renderer and what it gives back."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any


class Tribe(Enum):
    """The side a sticker is on; every attribute that is not known is plain."""

    DEVIL = "devil"
    GUARDIAN = "guardian"
    ANGEL = "angel"
    PLAIN = "plain"


class Tier(IntEnum):
    """How rare a sticker is; every rarity that is not known is normal."""

    NORMAL = 0
    RARE = 1
    SUPER_RARE = 2
    HEAD = 3


_TRIBES = {
    "悪魔": Tribe.DEVIL,
    "devil": Tribe.DEVIL,
    "天使": Tribe.ANGEL,
    "angel": Tribe.ANGEL,
    "お守り": Tribe.GUARDIAN,
    "guardian": Tribe.GUARDIAN,
}
_TIERS = {
    "ノーマル": Tier.NORMAL,
    "normal": Tier.NORMAL,
    "レア": Tier.RARE,
    "rare": Tier.RARE,
    "スーパーレア": Tier.SUPER_RARE,
    "super_rare": Tier.SUPER_RARE,
    "ヘッド": Tier.HEAD,
    "head": Tier.HEAD,
}


def plain_text(text: str) -> str:
    """NFC, trimmed: the form in which requests are stored, hashed and drawn."""
    return unicodedata.normalize("NFC", text).strip()


def tribe_of(attribute: str) -> Tribe:
    return _TRIBES.get(plain_text(attribute).casefold(), Tribe.PLAIN)


def tier_of(rarity: str) -> Tier:
    return _TIERS.get(plain_text(rarity).casefold(), Tier.NORMAL)


def _nothing() -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class StickerSpec:
    """One sticker. `effects` and `style` are as sent: absent keys are automatic, keys of others are ignored.

    Without a `seed` one is made from everything else.
    """

    title: str
    character_name: str
    attribute: str
    rarity: str
    background_color: str
    prompt: str = ""
    effects: Mapping[str, Any] = field(default_factory=_nothing)
    style: Mapping[str, Any] = field(default_factory=_nothing)
    seed: int | None = None
    size: int = 1134

    @property
    def tribe(self) -> Tribe:
        return tribe_of(self.attribute)

    @property
    def tier(self) -> Tier:
        return tier_of(self.rarity)

    @property
    def drawn_seed(self) -> int:
        """The seed that the picture is drawn with, 0 … 2^53 - 1."""
        return self.seed if self.seed is not None else _seed_of(self)


def _seed_of(spec: StickerSpec) -> int:
    words = [spec.title, spec.character_name, spec.attribute, spec.rarity, spec.background_color, spec.prompt]
    inputs = [*map(plain_text, words), dict(spec.effects), dict(spec.style), spec.size]
    canonical = json.dumps(inputs, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(canonical.encode()).digest()[:8], "big") >> 11


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished sticker."""

    png: bytes
    width: int
    height: int
    sha256: str
    seed: int
    version: str
