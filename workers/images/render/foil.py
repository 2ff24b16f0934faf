"""Layer 3, the foil: sheen, hologram bands, radial prism and the square prism that marks a head."""

from __future__ import annotations

import numpy as np

from workers.images.render.field import (
    Plane,
    angle,
    clip,
    fraction,
    grid,
    lay,
    noise,
    overlay,
    rainbow,
    ramp,
    screen,
    wave,
)
from workers.images.render.spec import Tier, Tribe

AUTO = {Tier.NORMAL: "none", Tier.RARE: "sheen", Tier.SUPER_RARE: "hologram", Tier.HEAD: "square_prism"}

_HUES = {Tribe.DEVIL: (0.46, 0.42), Tribe.GUARDIAN: (0.0, 1.0), Tribe.ANGEL: (-0.03, 0.21), Tribe.PLAIN: (0.0, 1.0)}
"""Where a tribe's hues begin and how far round the wheel they go."""


def foil(size: int, kind: str, tribe: Tribe, seed: int) -> Plane:
    """The colours of the foil alone."""
    match kind:
        case "sheen":
            return _sheen(size, tribe)
        case "hologram":
            return _hologram(size, tribe, seed)
        case "radial_prism":
            return _radial_prism(size, tribe, seed)
        case _:
            return _square_prism(size, tribe, seed)


def lay_foil(picture: Plane, size: int, kind: str, tribe: Tribe, strength: float, seed: int) -> None:
    """Blend the foil over the ground, in place; `strength` is 0 … 1."""
    if kind == "none" or strength <= 0:
        return
    colours = foil(size, kind, tribe, seed)
    lay(picture, overlay(picture, colours), strength)
    lay(picture, colours, strength * 0.74)


def strength_of(tribe: Tribe, kind: str) -> float:
    """How strongly a foil is laid when nobody says."""
    base = {"sheen": 0.58, "hologram": 0.60, "radial_prism": 0.66}.get(kind, 0.70)
    return base * (0.86 if tribe is Tribe.GUARDIAN else 1.0)


def _hue(tribe: Tribe, turns: Plane) -> Plane:
    """Fold any phase into the tribe's part of the wheel, there and back, so that no seam shows."""
    start, reach = _HUES[tribe]
    if reach >= 1.0:
        return turns
    there_and_back = np.abs(fraction(turns) * np.float32(2) - np.float32(1))
    return there_and_back * np.float32(reach) + np.float32(start)


def _sheen(size: int, tribe: Tribe) -> Plane:
    x, y = grid(size)
    slope = x * np.float32(0.78) - y * np.float32(0.62)
    light = ramp(np.abs(fraction(slope * np.float32(2.1) + np.float32(0.30)) - np.float32(0.5)), 0.30, 0.02)
    return rainbow(
        _hue(tribe, slope * np.float32(0.9) + np.float32(0.1)),
        np.float32(0.50) - light * np.float32(0.46),
        np.float32(0.58) + light * np.float32(0.42),
    )


def _hologram(size: int, tribe: Tribe, seed: int) -> Plane:
    """Smooth bands of the rainbow that bend like heated film, with fine engraved lines."""
    x, y = grid(size)
    shift = np.float32((seed % 997) / 997)
    bend = wave(y * np.float32(1.15) + shift) * np.float32(0.16) + wave(x * np.float32(1.4) - shift) * np.float32(0.10)
    phase = (x * np.float32(0.9) + y * np.float32(1.25) + bend) * np.float32(2.1) + shift
    lines = wave((x * np.float32(0.9) - y * np.float32(0.35) + bend) * np.float32(58)) * np.float32(0.07)
    gleam = wave(phase * np.float32(1.5) + np.float32(0.2)) * np.float32(0.5) + np.float32(0.5)
    value = np.float32(0.70) + gleam * np.float32(0.30) + lines
    return rainbow(_hue(tribe, phase), np.float32(0.78) - gleam * gleam * np.float32(0.42), clip(value))


def _radial_prism(size: int, tribe: Tribe, seed: int) -> Plane:
    """Needles that point at the middle: depth like the concentration lines of a comic."""
    x, y = grid(size)
    dx, dy = x - np.float32(0.5), y - np.float32(0.47)
    turns = angle(dx, dy)
    radius = np.sqrt(dx * dx + dy * dy)
    needles = noise(1, 480, seed + 3)[0]
    index = (turns * np.float32(480)).astype(np.int32) % 480
    phase = needles[index]
    fall = fraction(radius * np.float32(1.6) + phase)
    value = np.float32(0.45) + ramp(np.abs(fall - np.float32(0.5)), 0.5, 0.05) * np.float32(0.55)
    return rainbow(_hue(tribe, radius * np.float32(1.5) + phase * np.float32(0.35)), 0.66, value)


def _square_prism(size: int, tribe: Tribe, seed: int) -> Plane:
    """Square cells, two facets each; every cell has its own phase, so that each flashes by itself."""
    cell = max(4.0, size * 17 / 1134)
    count = int(size / cell) + 2
    x, y = grid(size)
    u, v = x * np.float32(size / cell), y * np.float32(size / cell)
    column, row = np.floor(u), np.floor(v)
    fu, fv = u - column, v - row
    cells = (row.astype(np.int32), column.astype(np.int32))
    phase = noise(count, count, seed + 11)[cells]
    flash = noise(count, count, seed + 23)[cells]
    upper = (fu + fv) < np.float32(1)
    facet = np.where(
        upper, (fu + fv) * np.float32(0.9), (np.float32(2) - fu - fv) * np.float32(0.62) + np.float32(0.10)
    )
    sweep = wave(x * np.float32(1.3) + y * np.float32(0.9) + np.float32(0.1)) * np.float32(0.5) + np.float32(0.5)
    hue = (
        x * np.float32(0.95)
        + y * np.float32(1.35)
        + phase * np.float32(0.34)
        + np.where(upper, np.float32(0), np.float32(0.10))
    )
    lit = ramp(flash + sweep * np.float32(0.30), 0.86, 1.08)
    value = clip(
        np.float32(0.34)
        + facet * np.float32(0.52)
        + phase * np.float32(0.18)
        + sweep * np.float32(0.10)
        + lit * np.float32(0.5)
    )
    saturation = np.float32(0.80) - lit * np.float32(0.66)
    colours = rainbow(_hue(tribe, hue), saturation, value)
    groove = ramp(np.minimum(np.minimum(fu, fv), np.minimum(1 - fu, 1 - fv)), 0.0, 0.09)
    colours *= np.float32(0.62) + groove * np.float32(0.38)
    return screen(colours, lit * ramp(np.abs(fu - fv), 0.22, 0.0) * np.float32(0.8))
