"""The title: small, on a ribbon above; for a head just above its name, since its mark takes the top."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from workers.images.render.colour import GOLD, LIVERIES, WHITE, Colour, bytes_of, mix
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import Path, smooth
from workers.images.render.layer import Box, Sheet
from workers.images.render.lettering import Name
from workers.images.render.letters import Manner, fit, letters
from workers.images.render.plates import band_pen
from workers.images.render.spec import Tier, Tribe
from workers.images.render.typeface import HEAVY, ROUND

_TALL = 0.036


@dataclass(frozen=True, slots=True)
class Ribbon:
    """Where the title went (box and, in the same pixels, the box of its ink), and its two colours."""

    box: Box
    ink: Box
    plate: Colour
    letter: Colour


@dataclass(frozen=True, slots=True)
class _Place:
    x: float
    y: float
    width: float
    slope: float


def _place(tier: Tier, crown: float, slope: float) -> _Place:
    if tier is not Tier.HEAD:
        return _Place(0.565, 0.083, 0.74, 0.0)
    x = 0.46 if slope else 0.5
    return _Place(x, crown - _TALL * 0.80 - slope * (x - 0.5), 0.62, slope)


def lay_title(sheet: Sheet, text: str, tribe: Tribe, tier: Tier, name: Name, slope: float) -> Ribbon:
    """`slope` is the name's: above it, the ribbon rises with it."""
    size, livery = sheet.size, LIVERIES[tribe]
    place = _place(tier, name.crown / size, slope)
    plate, letter = (livery.plate if tribe is Tribe.ANGEL else livery.dark), WHITE
    reach = _TALL + 0.012 + place.slope * place.width / 2
    top, bottom = max(0, math.floor((place.y - reach) * size)), math.ceil((place.y + reach) * size)
    pen = band_pen(size, top, bottom)
    with pen.at(place.x - 0.5, place.y - 0.5, turn=-math.atan(place.slope) / (2 * math.pi)):
        _draw(pen, tribe, place.width / 2, plate, livery.main)
    mask = _letters(text, tribe, place, size, top, pen.image.size)
    pen.image.paste(bytes_of(letter), (0, 0), mask)
    sheet.paste_doubled(pen.image, 0, top)
    return Ribbon(_halved(pen.image.getbbox(), top), _halved(mask.getbbox(), top), plate, letter)


def _letters(text: str, tribe: Tribe, place: _Place, size: int, top: int, box: tuple[int, int]) -> Image.Image:
    manner = Manner(face=ROUND if tribe is Tribe.GUARDIAN else HEAVY, tracking=0.03, slope=place.slope)
    setting = fit(text, manner, width=(place.width - 0.085) * size * 2, height=_TALL * 1.62 * size * 2)
    return letters(setting, manner, box, (place.x * size * 2, (place.y * size - top) * 2), 0)


def _halved(box: Box | None, top: int) -> Box:
    left, upper, right, lower = box or (0, 0, 0, 0)
    return (left // 2, upper // 2 + top, math.ceil(right / 2), math.ceil(lower / 2) + top)


def _draw(pen: Pen, tribe: Tribe, half: float, plate: Colour, edge: Colour) -> None:
    for side in (-1, 1):
        x = side * half
        inner, low, high = x - side * 0.055, -_TALL * 0.55, _TALL * 1.1
        tail = [(inner, low), (x, low), (x - side * 0.022, _TALL * 0.28), (x, high), (inner, high)]
        pen.part(tail, edge, depth=0.006, glint=0)
    pen.part(_body(tribe, half - 0.030), plate, depth=0, glint=0)
    line = mix(edge, GOLD, 0.5)
    long = half - 0.040
    for y in (-_TALL + 0.0055, _TALL - 0.0055):
        pen.patch([(-long, y - 0.0012), (long, y - 0.0012), (long, y + 0.0012), (-long, y + 0.0012)], line)


def _body(tribe: Tribe, half: float) -> Path:
    tall = _TALL
    match tribe:
        case Tribe.GUARDIAN:
            end = half + 0.012
            corners = [(-half, -tall), (half, -tall), (end, 0), (half, tall), (-half, tall), (-end, 0)]
            return smooth(corners, sharp=(0, 1, 3, 4))
        case Tribe.DEVIL:
            return [(-half - 0.012, -tall), (half - 0.004, -tall), (half + 0.012, tall), (-half + 0.004, tall)]
        case _:
            return [(-half, -tall), (half, -tall), (half, tall), (-half, tall)]
