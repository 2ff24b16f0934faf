"""Layers 4 and 5: wedges of light behind the figure, and sparkles over the ground."""

from __future__ import annotations

import numpy as np

from workers.images.render.chance import Chance
from workers.images.render.colour import Colour, mix
from workers.images.render.field import Plane, angle, clip, flat, fraction, grid, lay, ramp, wave
from workers.images.render.spec import Tier, Tribe

EDGES = {Tribe.DEVIL: "jagged", Tribe.GUARDIAN: "rounded", Tribe.ANGEL: "even", Tribe.PLAIN: "even"}
RAYS = {Tier.NORMAL: 24, Tier.RARE: 30, Tier.SUPER_RARE: 38, Tier.HEAD: 48}
SPARKLES = {Tier.NORMAL: 6, Tier.RARE: 14, Tier.SUPER_RARE: 24, Tier.HEAD: 40}

_TABLE = 16384
_RAY_TINTS: dict[Tribe, tuple[Colour, Colour]] = {
    Tribe.DEVIL: ((1.0, 0.36, 0.20), (0.16, 0.0, 0.24)),
    Tribe.GUARDIAN: ((1.0, 1.0, 1.0), (0.10, 0.72, 0.80)),
    Tribe.ANGEL: ((1.0, 1.0, 0.92), (0.95, 0.50, 0.05)),
    Tribe.PLAIN: ((1.0, 1.0, 1.0), (0.20, 0.26, 0.42)),
}


def starburst(picture: Plane, *, edge: str, rays: int, tribe: Tribe, tier: Tier, seed: int) -> None:
    """Wedges from the figure's middle in two tints, fading outwards."""
    if edge == "none":
        return
    x, y = grid(picture.shape[1])
    dx, dy = x - np.float32(0.5), y - np.float32(0.46)
    radius, turns = np.sqrt(dx * dx + dy * dy), angle(dx, dy)
    bright, dark = _RAY_TINTS[tribe]
    if tier >= Tier.SUPER_RARE:
        bright = mix(bright, (0.94, 0.92, 1.0), 0.65)
    strength = 0.62 if tier <= Tier.NORMAL else 0.46
    turns += _edge(edge, radius, turns, rays)
    mask = _wedges(edge, rays, seed)[(fraction(turns) * np.float32(_TABLE)).astype(np.int32) % _TABLE]
    fade = ramp(radius, 0.80, 0.10) * np.float32(0.75) + np.float32(0.25)
    lay(picture, flat(bright), mask * fade * np.float32(strength))
    lay(picture, flat(dark), (np.float32(1) - mask) * fade * np.float32(strength * 0.36))
    if tier is Tier.HEAD:
        _second_burst(picture, radius, turns, rays, seed, bright)
    glow = ramp(radius, 0.44, 0.08)
    lay(picture, flat(mix(bright, (1.0, 1.0, 1.0), 0.6)), glow * np.float32(0.55))


def _edge(edge: str, radius: Plane, turns: Plane, rays: int) -> Plane:
    """How far the sides of a wedge lean at each place."""
    if edge == "jagged":
        tooth = np.abs(fraction(radius * np.float32(7.5)) - np.float32(0.5)) - np.float32(0.25)
        return tooth * np.float32(0.55 / rays)
    if edge == "rounded":
        return wave(radius * np.float32(3.1)) * np.float32(0.16 / rays)
    return np.zeros_like(turns)


def _wedges(edge: str, rays: int, seed: int) -> Plane:
    """One turn of light and dark as a table with soft steps."""
    chance = Chance("wedges", seed)
    jitter = {"jagged": 0.42, "rounded": 0.16}.get(edge, 0.04)
    lit = {"jagged": 0.50, "rounded": 0.54}.get(edge, 0.36)
    table = np.zeros(_TABLE, dtype=np.float32)
    for ray in range(rays):
        start = (ray + chance.between(-jitter, jitter) * 0.5) / rays
        width = lit * chance.between(1 - jitter, 1 + jitter) / rays
        index = np.arange(int(start * _TABLE), int((start + width) * _TABLE)) % _TABLE
        table[index] = 1
    return (np.roll(table, 1) + table * 2 + np.roll(table, -1)) / np.float32(4)


def _second_burst(picture: Plane, radius: Plane, turns: Plane, rays: int, seed: int, bright: Colour) -> None:
    """A head's second burst, finer, and a ring of flare."""
    fine = _wedges("even", rays * 2, seed + 1)
    mask = fine[(fraction(turns + np.float32(0.5 / rays)) * np.float32(_TABLE)).astype(np.int32) % _TABLE]
    lay(picture, flat((1.0, 1.0, 1.0)), mask * ramp(radius, 0.40, 0.20) * np.float32(0.55))
    for middle, width, strength in ((0.405, 0.012, 0.95), (0.425, 0.050, 0.45)):
        ring = ramp(np.abs(radius - np.float32(middle)), width, 0.0)
        lay(picture, flat(mix(bright, (1.0, 1.0, 1.0), 0.5)), ring * np.float32(strength))


def sparkles(picture: Plane, count: int, tribe: Tribe, seed: int) -> None:
    """Stars of four and eight points with a soft glow, away from the middle."""
    chance, size, tint = Chance("sparkles", seed), picture.shape[1], GLOWS[tribe]
    for number in range(count):
        cx, cy = _place(chance)
        reach = chance.between(0.018, 0.045) * (1.5 if number % 7 == 0 else 1.0)
        _star(picture, size, (cx, cy), reach, points=8 if number % 3 == 0 else 4, tint=tint)


def _place(chance: Chance) -> tuple[float, float]:
    for _ in range(8):
        cx, cy = chance.between(0.05, 0.95), chance.between(0.05, 0.90)
        if (cx - 0.5) ** 2 + (cy - 0.47) ** 2 > 0.28**2:
            return cx, cy
    return 0.9, 0.2


def _star(picture: Plane, size: int, centre: tuple[float, float], reach: float, *, points: int, tint: Colour) -> None:
    half = max(2, int(reach * size * 1.5))
    left, top = int(centre[0] * size) - half, int(centre[1] * size) - half
    x0, y0, x1, y1 = max(0, left), max(0, top), min(size, left + 2 * half), min(size, top + 2 * half)
    if x0 >= x1 or y0 >= y1:
        return
    u = (np.arange(x0, x1, dtype=np.float32) - np.float32(left + half)) / np.float32(reach * size)
    v = (np.arange(y0, y1, dtype=np.float32) - np.float32(top + half)) / np.float32(reach * size)
    ax, ay = np.abs(u)[None, :], np.abs(v)[:, None]
    body = _needle(ax, ay, 1.0)
    if points == 8:
        body = np.maximum(
            body, _needle(np.abs(ax + ay) * np.float32(0.7071), np.abs(ax - ay) * np.float32(0.7071), 0.6)
        )
    glow = ramp(np.sqrt(ax * ax + ay * ay), 0.95, 0.0)
    patch = picture[:, y0:y1, x0:x1]
    lay(patch, flat(tint), glow * glow * np.float32(0.65))
    lay(patch, flat((1.0, 1.0, 1.0)), body)


def _needle(ax: Plane, ay: Plane, reach: float) -> Plane:
    """A four-pointed star: |x|^½ + |y|^½ < 1."""
    edge = np.sqrt(ax / np.float32(reach)) + np.sqrt(ay / np.float32(reach))
    return clip((np.float32(1.02) - edge) * np.float32(9))


GLOWS: dict[Tribe, Colour] = {
    Tribe.DEVIL: (1.0, 0.75, 0.95),
    Tribe.GUARDIAN: (0.90, 1.0, 1.0),
    Tribe.ANGEL: (1.0, 1.0, 0.80),
    Tribe.PLAIN: (1.0, 1.0, 1.0),
}
