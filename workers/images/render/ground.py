"""Layer 2, the ground: what a sticker's stock looks like before any foil, by tribe and rarity."""

from __future__ import annotations

import numpy as np

from workers.images.render.chance import Chance
from workers.images.render.colour import Colour, hsv, mix, shade, vivid
from workers.images.render.field import Plane, clip, flat, grid, lay, noise, ramp, stops, wave
from workers.images.render.spec import Tier, Tribe

FILM_ALPHA = 0.86
"""How opaque the clear film of a guardian is."""


def ground(size: int, tribe: Tribe, tier: Tier, background: Colour, seed: int) -> tuple[Plane, Plane]:
    """Colours and opacity."""
    x, y = grid(size)
    radius = np.sqrt((x - np.float32(0.5)) ** 2 + (y - np.float32(0.47)) ** 2) * np.float32(1.42)
    opacity = np.ones((size, size), dtype=np.float32)
    match tribe:
        case Tribe.DEVIL:
            picture = _devil(radius, background)
        case Tribe.GUARDIAN:
            picture, opacity = _guardian(size, radius, background, seed)
        case Tribe.ANGEL:
            picture = _angel(size, radius, background)
        case Tribe.PLAIN:
            picture = _plain(radius, background)
    if tier is Tier.NORMAL:
        _print_dots(picture, size, radius)
        picture += (noise(size, size, seed) - np.float32(0.5)) * np.float32(0.045)
    else:
        _metal(picture, size, seed, tribe, tier)
    return clip(picture), opacity


def _devil(radius: Plane, background: Colour) -> Plane:
    """Violet to crimson with a dark rim, around the asked colour."""
    heart = mix(vivid(background, least=0.7), (0.96, 0.16, 0.32), 0.35)
    middle = mix(shade(vivid(background), 0.25), (0.50, 0.06, 0.50), 0.45)
    return stops(
        radius, [(0.0, mix(heart, (1.0, 0.75, 0.5), 0.25)), (0.45, heart), (0.78, middle), (1.0, (0.13, 0.02, 0.19))]
    )


def _guardian(size: int, radius: Plane, background: Colour, seed: int) -> tuple[Plane, Plane]:
    """Pale clear film with blobs of full colour."""
    x, y = grid(size)
    pale = mix(background, (0.97, 1.0, 0.99), 0.66)
    picture = stops(radius, [(0.0, (1.0, 1.0, 1.0)), (0.5, pale), (1.0, mix(background, (0.85, 0.97, 0.98), 0.35))])
    opacity = np.full((size, size), FILM_ALPHA, dtype=np.float32)
    chance = Chance("blobs", seed)
    hue = chance.unit()
    for number in range(9):
        cx, cy = _around(chance, number)
        reach = chance.between(0.07, 0.15)
        distance = np.sqrt((x - np.float32(cx)) ** 2 + (y - np.float32(cy)) ** 2) / np.float32(reach)
        mask = ramp(distance, 1.0, 0.96)
        tint = hsv(hue + number * 0.382, 0.62, 1.0)
        lay(picture, flat(tint), mask * np.float32(0.82))
        lay(picture, flat((1.0, 1.0, 1.0)), ramp(distance, 0.62, 0.58) * np.float32(0.35))
        opacity = np.maximum(opacity, mask)
    return picture, opacity


def _around(chance: Chance, number: int) -> tuple[float, float]:
    places = (
        (0.1, 0.3),
        (0.9, 0.28),
        (0.06, 0.62),
        (0.95, 0.6),
        (0.3, 0.08),
        (0.7, 0.1),
        (0.2, 0.86),
        (0.82, 0.84),
        (0.5, 0.2),
    )
    px, py = places[number]
    return px + chance.between(-0.05, 0.05), py + chance.between(-0.05, 0.05)


def _angel(size: int, radius: Plane, background: Colour) -> Plane:
    """A ramp of gold in four stops with one sharp band of light; the asked colour tints its edge."""
    x, y = grid(size)
    slope = clip(x * np.float32(0.45) + y * np.float32(0.62))
    gold = [
        (0.0, (1.0, 0.94, 0.62)),
        (0.36, (1.0, 0.80, 0.24)),
        (0.415, (1.0, 0.98, 0.85)),
        (0.455, (1.0, 0.98, 0.85)),
        (0.50, (0.99, 0.74, 0.16)),
        (1.0, (0.82, 0.50, 0.08)),
    ]
    picture = stops(slope, gold)
    lay(picture, flat((1.0, 0.97, 0.80)), ramp(radius, 0.75, 0.0) * np.float32(0.55))
    lay(picture, flat(mix(vivid(background), (0.75, 0.40, 0.05), 0.35)), ramp(radius, 0.62, 1.05) * np.float32(0.60))
    return picture


def _plain(radius: Plane, background: Colour) -> Plane:
    return stops(
        radius,
        [(0.0, mix(background, (1.0, 1.0, 1.0), 0.72)), (0.55, background), (1.0, shade(background, 0.45))],
    )


def _print_dots(picture: Plane, size: int, radius: Plane) -> None:
    """Coarse screen printing: only plain paper shows it."""
    x, y = grid(size)
    pitch = np.float32(46)
    u, v = (x + y) * pitch, (x - y) * pitch
    dot = (wave(u) * wave(v) + np.float32(1)) * np.float32(0.5)
    bar = np.float32(0.97) - ramp(radius, 0.35, 1.05) * np.float32(0.40)
    mask = clip((dot - bar) * np.float32(14))
    lay(picture, picture * flat((0.70, 0.62, 0.74)), mask * np.float32(0.75))


_BARE = {Tier.RARE: 0.20, Tier.SUPER_RARE: 0.36, Tier.HEAD: 0.50}
"""How much of the metal shows bare through the ink."""


def _metal(picture: Plane, size: int, seed: int, tribe: Tribe, tier: Tier) -> None:
    """Silver, or gold, under the ink: broad bands of light along a diagonal, brushed finely."""
    x, y = grid(size)
    slope = x * np.float32(0.80) + y * np.float32(0.60)
    bands = wave(slope * np.float32(1.9) + np.float32(0.08)) * np.float32(0.34) + wave(
        slope * np.float32(4.3)
    ) * np.float32(0.13)
    brushed = _brushed(size, seed)
    metal = clip(np.float32(0.56) + bands + (brushed - np.float32(0.5)) * np.float32(0.16))
    base = {Tribe.ANGEL: (1.0, 0.93, 0.72), Tribe.DEVIL: (0.90, 0.93, 1.0)}.get(tribe, (0.97, 0.99, 1.0))
    sheet = metal * flat(base)
    picture *= np.float32(0.56) + metal * np.float32(0.74)
    bare = _BARE[tier] * (1.5 if tribe is Tribe.DEVIL and tier > Tier.RARE else 1.0)
    lay(picture, sheet, bare)
    shine = ramp(metal, 0.74, 1.02) * np.float32(0.85)
    picture += (np.float32(1) - picture) * shine


def _brushed(size: int, seed: int) -> Plane:
    """Noise drawn out along the falling diagonal."""
    line = noise(1, size * 2, seed + 7)[0]
    steps = np.arange(size, dtype=np.int32)
    return line[(steps[:, None] + steps[None, :])]
