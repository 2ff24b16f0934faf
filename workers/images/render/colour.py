"""Colours as triples of 0 … 1, and the palettes of the tribes."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

from PIL import ImageColor

from workers.images.render.spec import Tribe

Colour = tuple[float, float, float]

INK: Colour = (0.055, 0.035, 0.075)
WHITE: Colour = (1.0, 1.0, 1.0)
GOLD: Colour = (1.0, 0.80, 0.18)


def colour(text: str) -> Colour:
    """`#rgb`, `#rrggbb` or a CSS name; what is none of them is a quiet blue rather than an error."""
    try:
        red, green, blue = ImageColor.getrgb(text.strip())[:3]
    except ValueError:
        return (0.30, 0.45, 0.72)
    return (red / 255, green / 255, blue / 255)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the second in the first."""
    a, b, c = (one + (two - one) * share for one, two in zip(first, second, strict=True))
    return (a, b, c)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    return colorsys.hsv_to_rgb(hue % 1.0, min(1.0, max(0.0, saturation)), min(1.0, max(0.0, value)))


def vivid(base: Colour, *, least: float = 0.55, value: float | None = None) -> Colour:
    """The same hue with at least this saturation."""
    hue, saturation, brightness = colorsys.rgb_to_hsv(*base)
    if saturation < 0.06:
        return base if value is None else hsv(hue, saturation, value)
    return hsv(hue, max(saturation, least), brightness if value is None else value)


def shade(base: Colour, depth: float = 0.30) -> Colour:
    """The colour of its cel shadow: darker, fuller, a little towards violet."""
    hue, saturation, value = colorsys.rgb_to_hsv(*base)
    toward = 0.75 if hue > 0.25 else -0.02
    hue += (toward - hue) * 0.10
    return mix(hsv(hue, min(1.0, saturation * 1.08 + 0.10), value * (1 - depth)), INK, 0.02)


def light(base: Colour, share: float = 0.45) -> Colour:
    """The colour of its cel highlight."""
    return mix(base, (1.0, 0.99, 0.93), share)


def bytes_of(base: Colour) -> tuple[int, int, int]:
    red, green, blue = (int(part * 255 + 0.5) for part in base)
    return (red, green, blue)


@dataclass(frozen=True, slots=True)
class Livery:
    """The colours a tribe wears on frame, mark and lettering. `fill` runs from the top of a letter to its bottom."""

    main: Colour
    dark: Colour
    pale: Colour
    fill: tuple[Colour, Colour, Colour, Colour]
    rim: Colour
    plate: Colour


LIVERIES = {
    Tribe.DEVIL: Livery(
        main=(0.78, 0.05, 0.22),
        dark=(0.20, 0.02, 0.20),
        pale=(0.93, 0.80, 0.98),
        fill=((1.0, 0.97, 0.55), (1.0, 0.80, 0.12), (1.0, 0.47, 0.10), (0.98, 0.27, 0.16)),
        rim=(1.0, 1.0, 1.0),
        plate=(0.42, 0.04, 0.42),
    ),
    Tribe.GUARDIAN: Livery(
        main=(0.0, 0.56, 0.50),
        dark=(0.02, 0.20, 0.30),
        pale=(0.86, 1.0, 0.95),
        fill=((1.0, 1.0, 1.0), (0.86, 1.0, 0.97), (0.35, 0.93, 0.83), (0.20, 0.80, 0.86)),
        rim=(1.0, 1.0, 1.0),
        plate=(0.93, 0.24, 0.42),
    ),
    Tribe.ANGEL: Livery(
        main=(0.88, 0.60, 0.06),
        dark=(0.34, 0.15, 0.02),
        pale=(1.0, 0.97, 0.80),
        fill=((1.0, 1.0, 0.90), (1.0, 0.90, 0.35), (0.98, 0.72, 0.10), (1.0, 0.90, 0.42)),
        rim=(1.0, 1.0, 1.0),
        plate=(0.12, 0.30, 0.70),
    ),
    Tribe.PLAIN: Livery(
        main=(0.24, 0.34, 0.62),
        dark=(0.07, 0.10, 0.24),
        pale=(0.90, 0.94, 1.0),
        fill=((1.0, 1.0, 1.0), (0.92, 0.95, 1.0), (0.66, 0.78, 1.0), (0.52, 0.68, 1.0)),
        rim=(1.0, 1.0, 1.0),
        plate=(0.20, 0.26, 0.46),
    ),
}
