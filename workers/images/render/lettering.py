"""Layer 9: the name as a logo, in the hand of its tribe."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from workers.images.render.colour import INK, LIVERIES, WHITE, Colour, mix
from workers.images.render.field import Bytes, Plane, clip, flat, lay, rainbow, ramp, spread, stops, wave
from workers.images.render.layer import Box, Sheet, halved, share
from workers.images.render.letters import LEADING, Manner, Setting, fit, letters, rise
from workers.images.render.spec import Tier, Tribe
from workers.images.render.typeface import HEAVY, ROUND, SPIKY

HANDS = {
    "spiky": Manner(face=SPIKY, slope=0.105, shear=0.16, bounce=0.03, sway=0.006, tracking=-0.02),
    "round": Manner(face=ROUND, arch=0.055, bounce=0.045, sway=0.014, tracking=0.0),
    "upright": Manner(face=HEAVY, tracking=0.015),
}
AUTO_HAND = {Tribe.DEVIL: "spiky", Tribe.GUARDIAN: "round", Tribe.ANGEL: "upright", Tribe.PLAIN: "upright"}
WIDTH, HEIGHT, MIDDLE = 0.80, 0.172, 0.845
"""The room for the letters alone, and where their middle is, as shares of the side."""
_TALLEST = 0.205
_SHORT = 1.16
"""How much taller a name of one or two letters may be."""
_TOP, _BOTTOM = 0.64, 0.985
"""The band of the picture outside of which nothing of the logo is drawn."""


@dataclass(frozen=True, slots=True)
class Name:
    """A logo in a band of its own: colours and cover, the box of its ink, how high its middle reaches, and the masks of letters and ink."""

    top: int
    colours: Plane
    cover: Plane
    box: Box
    crown: float
    letters: Bytes
    ink: Bytes

    def lay_on(self, sheet: Sheet) -> None:
        band = (0, self.top, sheet.size, self.top + self.cover.shape[0])
        sheet.part(band).lay(self.colours, self.cover)


def hand_of(style: str, tribe: Tribe) -> Manner:
    return HANDS[style if style in HANDS else AUTO_HAND[tribe]]


def set_name(size: int, text: str, tribe: Tribe, tier: Tier, hand: Manner, seed: int) -> Name:
    """The logo, inside the frame whatever its length."""
    setting = _fitted(text, hand, size)
    top = round(size * _TOP)
    thick = max(2, min(round(size * 0.0125), round(setting.pixels * 0.11)))
    mask, raised = _inside(_mask(setting, hand, size, top, seed), round(size * 0.975) - top - thick * 3)
    ink = spread(mask, thick)
    rim = spread(ink, max(1, round(thick * 0.62)))
    outer = spread(rim, max(1, round(thick * 0.55)))
    block = _extruded(outer, max(1, round(thick * 0.9)))
    colours = np.empty((3, *mask.shape), dtype=np.float32)
    colours[:] = flat(INK)
    lay(colours, flat(LIVERIES[tribe].dark), share(outer))
    lay(colours, _gold(size) if tier is Tier.HEAD else flat(LIVERIES[tribe].rim), share(rim))
    lay(colours, flat(INK), share(ink))
    lay(colours, _fill(size, top, setting, hand, tribe, tier), share(mask))
    lay(colours, flat(WHITE), _glint(mask, max(1, round(thick * 0.36))) * np.float32(0.85))
    left, upper, right, lower = _drawn(block)
    crown = size * _middle(hand) - _sag(hand, setting, size) - setting.height * 0.46 - thick * 2.2 - raised
    return Name(top, colours, share(block), (left, upper + top, right, lower + top), crown, mask, ink)


def _fitted(text: str, hand: Manner, size: int) -> Setting:
    """Slopes and arches need room of their own."""
    width, height = size * WIDTH, size * HEIGHT
    setting = fit(text, hand, width=width, height=height)
    if setting.width < width * 0.5:
        height *= _SHORT
        setting = fit(text, hand, width=width, height=height)
    spare = (abs(hand.slope) * 0.5 + abs(hand.arch) * 0.4) * setting.width
    if setting.height + spare > size * _TALLEST:
        height *= size * _TALLEST / (setting.height + spare)
    return fit(text, hand, width=width, height=height)


def _middle(hand: Manner) -> float:
    """What slopes reaches deeper: it stands a little higher."""
    return MIDDLE - hand.slope * 0.14


def _sag(hand: Manner, setting: Setting, size: int) -> float:
    """Half the height of the arch: it is raised by so much, to keep its middle."""
    return rise(replace(hand, slope=0.0), setting.width / 2, size / 2) / 2


def _mask(setting: Setting, hand: Manner, size: int, top: int, seed: int) -> Bytes:
    """Drawn at twice the size, then reduced."""
    centre = (float(size), (size * _middle(hand) - _sag(hand, setting, size) - top) * 2)
    doubled = replace(setting, pixels=setting.pixels * 2)
    tall = (math.ceil(size * _BOTTOM) - top) * 2
    return np.asarray(halved(letters(doubled, hand, (size * 2, tall), centre, seed))).copy()


def _inside(mask: Bytes, bottom: int) -> tuple[Bytes, int]:
    """Raised, where letters of another font hang lower than they should; and by how much."""
    excess = max(0, _drawn(mask)[3] - bottom)
    return np.roll(mask, -excess, axis=0), excess


def _extruded(mask: Bytes, steps: int) -> Bytes:
    """Drawn out down and to the right: the side of a block letter."""
    block = mask.copy()
    for step in range(1, steps + 1):
        aside = step // 2
        np.maximum(block[step:, aside:], mask[:-step, : mask.shape[1] - aside], out=block[step:, aside:])
    return block


def _glint(mask: Bytes, reach: int) -> Plane:
    """A line of light inside the upper left edge of each stroke."""
    near, far = (_pushed(mask, steps) for steps in (reach, reach * 2))
    return share(np.minimum(np.minimum(mask, near), 255 - far))


def _pushed(mask: Bytes, steps: int) -> Bytes:
    moved = np.zeros_like(mask)
    moved[steps:, steps:] = mask[:-steps, :-steps]
    return moved


def _fill(size: int, band: int, setting: Setting, hand: Manner, tribe: Tribe, tier: Tier) -> Plane:
    """From the top of the letters to their bottom, along the baseline's own course."""
    tall = math.ceil(size * _BOTTOM) - band
    x = np.arange(size, dtype=np.float32)[None, :] - np.float32(size / 2)
    y = np.arange(tall, dtype=np.float32)[:, None] + np.float32(band - size * _middle(hand))
    course = (
        np.float32(-hand.slope) * x + np.float32(hand.arch * 2 / size) * x * x - np.float32(_sag(hand, setting, size))
    )
    lines = len(setting.lines)
    local = (y - course) / np.float32(setting.pixels * LEADING) + np.float32(lines / 2)
    t = clip((local - np.floor(np.clip(local, 0, lines - 0.001)) - np.float32(0.12)) * np.float32(1.32))
    if tier is Tier.HEAD:
        return _foil_fill(x, y, t, size, tribe)
    top, upper, lower, bottom = LIVERIES[tribe].fill
    if tribe is Tribe.ANGEL:
        return stops(t, [(0.0, top), (0.42, upper), (0.50, lower), (0.56, upper), (1.0, mix(bottom, WHITE, 0.25))])
    return stops(t, [(0.0, top), (0.40, upper), (0.46, lower), (1.0, bottom)])


_FOILS = {Tribe.DEVIL: (0.76, 0.42), Tribe.GUARDIAN: (0.0, 1.0), Tribe.ANGEL: (0.02, 0.16), Tribe.PLAIN: (0.5, 0.3)}


def _foil_fill(x: Plane, y: Plane, t: Plane, size: int, tribe: Tribe) -> Plane:
    """A head's letters are foil: a rainbow that is bright enough to stand against the ink."""
    start, reach = _FOILS[tribe]
    phase = (x * np.float32(2.6) + y * np.float32(1.8)) / np.float32(size)
    fold = wave(phase * np.float32(1.3)) * np.float32(0.5) + np.float32(0.5)
    hue = phase * np.float32(1.2) if reach >= 1 else fold * np.float32(reach) + np.float32(start)
    saturation = np.float32(0.12) + ramp(t, 0.26, 0.50) * np.float32(0.40)
    return rainbow(hue, saturation, 1.0)


def _gold(size: int) -> Plane:
    x = np.arange(size, dtype=np.float32)[None, :] / np.float32(size * 0.31)
    bands: list[tuple[float, Colour]] = [
        (0.0, (1.0, 0.95, 0.60)),
        (0.5, (0.98, 0.74, 0.14)),
        (0.75, (1.0, 0.98, 0.80)),
        (1.0, (1.0, 0.95, 0.60)),
    ]
    return stops(x % np.float32(1), bands)


def _drawn(mask: Bytes) -> Box:
    return Image.fromarray(mask).point([0] * 25 + [255] * 231).getbbox() or (0, 0, 0, 0)
