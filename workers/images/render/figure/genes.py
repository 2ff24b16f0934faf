"""What a creature is made of: drawn by lot from its name, its tribe and words in its prompt, never from the seed."""

from __future__ import annotations

from dataclasses import dataclass

from workers.images.render.chance import Chance
from workers.images.render.colour import GOLD, Colour
from workers.images.render.figure.palettes import EYES, PALETTES
from workers.images.render.spec import StickerSpec, Tier, Tribe, plain_text

_CHOICES: dict[Tribe, dict[str, tuple[str, ...]]] = {
    Tribe.DEVIL: {
        "head": ("round", "wide", "block", "egg", "gem"),
        "crest": ("spikes", "flame", "mohawk", "mane", "bald", "swoop"),
        "ears": ("pointed", "fin", "pointed", "bat"),
        "eyes": ("glare", "slit", "fierce"),
        "mouth": ("grin", "fangs", "roar", "smirk"),
        "horns": ("bull", "ram", "tall", "unicorn", "crown"),
        "outfit": ("belt", "armour", "vest"),
        "item": ("trident", "club", "scythe", "axe", "claw"),
        "back": ("bat", "bat", "ragged"),
        "tail": ("arrow", "flame", "arrow"),
    },
    Tribe.GUARDIAN: {
        "head": ("round", "wide", "egg", "round"),
        "crest": ("topknot", "bob", "bald", "tuft", "swoop"),
        "ears": ("cat", "bear", "rabbit", "none", "cat"),
        "eyes": ("round", "button", "shine"),
        "mouth": ("cat", "laugh", "tongue", "small"),
        "horns": ("bell", "shield", "knot", "leaf"),
        "outfit": ("charm", "bell", "shield"),
        "item": ("mallet", "wand", "drum", "shield", "fan"),
        "back": ("rope", "petals", "flags"),
        "tail": ("puff", "curl", "none"),
    },
    Tribe.ANGEL: {
        "head": ("round", "egg", "wide"),
        "crest": ("curls", "bob", "swoop", "long"),
        "ears": ("none", "winged", "none"),
        "eyes": ("bright", "calm", "shine"),
        "mouth": ("smile", "sing", "small"),
        "horns": ("halo", "laurel", "helm", "tiara"),
        "outfit": ("robe", "stole", "breastplate"),
        "item": ("staff", "sword", "trumpet", "bow", "harp"),
        "back": ("feather", "feather", "six"),
        "tail": ("none",),
    },
    Tribe.PLAIN: {
        "head": ("round", "wide", "egg", "block"),
        "crest": ("tuft", "spikes", "bob", "mohawk", "bald"),
        "ears": ("round", "cat", "fin", "none"),
        "eyes": ("round", "fierce", "shine"),
        "mouth": ("laugh", "smirk", "cat"),
        "horns": ("band", "cap", "none"),
        "outfit": ("vest", "belt", "charm"),
        "item": ("mallet", "sword", "wand", "none"),
        "back": ("scarf", "flags"),
        "tail": ("puff", "curl", "none"),
    },
}
_MOTIFS: dict[str, tuple[str, ...]] = {
    "flame": ("炎", "火", "焔", "熱", "fire", "flame", "blaze", "fuego", "ホノオ"),
    "drop": ("水", "海", "波", "雨", "water", "sea", "wave", "rain", "アクア"),
    "bolt": ("雷", "電", "嵐", "thunder", "bolt", "storm", "lightning", "サンダー"),
    "leaf": ("木", "森", "草", "葉", "leaf", "forest", "tree", "grass"),
    "moon": ("月", "夜", "moon", "night", "luna", "ルナ"),
    "sun": ("太陽", "日", "光", "sun", "light", "sol"),
    "heart": ("愛", "心", "love", "heart", "ハート"),
    "star": ("星", "star", "stella", "スター"),
}


@dataclass(frozen=True, slots=True)
class Genes:
    """One creature."""

    tribe: Tribe
    tier: Tier
    skin: Colour
    main: Colour
    accent: Colour
    hair: Colour
    eye: Colour
    metal: Colour
    head: str
    crest: str
    ears: str
    eyes: str
    mouth: str
    horns: str
    outfit: str
    item: str
    back: str
    tail: str
    motif: str
    pose: str
    marking: str
    tilt: float


def genes_of(spec: StickerSpec) -> Genes:
    name, tribe = plain_text(spec.character_name).casefold(), spec.tribe
    chance = Chance("creature", name, tribe.value)
    skin, main, accent, hair = chance.pick(PALETTES[tribe])
    parts = {part: chance.pick(choices) for part, choices in _CHOICES[tribe].items()}
    return Genes(
        tribe=tribe,
        tier=spec.tier,
        skin=skin,
        main=main,
        accent=accent,
        hair=hair,
        eye=chance.pick(EYES if tribe is Tribe.DEVIL else EYES[1:]),
        metal=GOLD if tribe is Tribe.ANGEL or spec.tier is Tier.HEAD else (0.80, 0.84, 0.92),
        motif=_motif(f"{name} {plain_text(spec.prompt).casefold()}", chance),
        pose=chance.pick(("raise", "hip", "guard")),
        marking=chance.pick(("none", "stripes", "cheeks", "scar", "mask")),
        tilt=chance.pick((-0.022, -0.012, 0.012)),
        **parts,
    )


def _motif(words: str, chance: Chance) -> str:
    by_lot = chance.pick(tuple(_MOTIFS))
    return next((motif for motif, signs in _MOTIFS.items() if any(sign in words for sign in signs)), by_lot)
