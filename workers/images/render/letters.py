"""Sets text: fits it into a box, one line or two, and gives the mask of its letters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from workers.images.render.chance import Chance
from workers.images.render.typeface import Glyph, font, glyphs


@dataclass(frozen=True, slots=True)
class Manner:
    """How letters stand. `slope` is the rise per width, `arch` the sagitta per width, `bounce` and `sway` are jitter."""

    face: str
    slope: float = 0.0
    shear: float = 0.0
    arch: float = 0.0
    bounce: float = 0.0
    sway: float = 0.0
    tracking: float = 0.0


@dataclass(frozen=True, slots=True)
class Setting:
    """Text as it will be drawn: its lines, the size of its letters in pixels, and the width of its widest line."""

    lines: tuple[tuple[Glyph, ...], ...]
    pixels: int
    width: float
    height: float


def fit(text: str, manner: Manner, *, width: float, height: float) -> Setting:
    """The largest setting inside the box; two lines where that makes the letters a third larger."""
    run = glyphs(text, manner.face)
    one = _size([run], manner, width, height)
    best = (one, [run])
    if len(run) > 1:
        halves = _halves(run)
        two = _size(halves, manner, width, height)
        if two > one * 1.34:
            best = (two, halves)
    pixels, lines = max(6, best[0]), best[1]
    widest = max(_length(line, manner, pixels) for line in lines)
    return Setting(tuple(tuple(line) for line in lines), pixels, widest, pixels * LEADING * len(lines))


LEADING = 1.12


def _size(lines: Sequence[Sequence[Glyph]], manner: Manner, width: float, height: float) -> int:
    widest = max(_length(line, manner, 100) for line in lines) / 100
    return int(min(width / max(widest, 0.01), height / (LEADING * len(lines))))


def _length(line: Sequence[Glyph], manner: Manner, pixels: int) -> float:
    lengths = sum(font(glyph.font, 100).getlength(glyph.text) for glyph in line) * pixels / 100
    return lengths + manner.tracking * pixels * (len(line) - 1)


def _halves(run: list[Glyph]) -> list[list[Glyph]]:
    """Broken at the space nearest to the middle, else in the middle."""
    middle = len(run) / 2
    spaces = [index for index, glyph in enumerate(run) if glyph.text == " " and 0 < index < len(run) - 1]
    near = min(spaces, key=lambda index: abs(index - middle), default=None)
    if near is not None and abs(near - middle) <= len(run) * 0.3:
        return [run[:near], run[near + 1 :]]
    return [run[: math.ceil(middle)], run[math.ceil(middle) :]]


def letters(
    setting: Setting, manner: Manner, box: tuple[int, int], centre: tuple[float, float], seed: int
) -> Image.Image:
    """The mask of all letters, in a picture of size `box`, around `centre`."""
    mask = Image.new("L", box, 0)
    chance = Chance("letters", seed)
    for number, line in enumerate(setting.lines):
        drop = (number - (len(setting.lines) - 1) / 2) * setting.pixels * LEADING
        _set_line(mask, line, setting.pixels, manner, (centre[0], centre[1] + drop), chance)
    return mask


def _set_line(
    mask: Image.Image, line: Sequence[Glyph], pixels: int, manner: Manner, centre: tuple[float, float], chance: Chance
) -> None:
    advances = [font(glyph.font, pixels).getlength(glyph.text) for glyph in line]
    x = -(sum(advances) + manner.tracking * pixels * (len(line) - 1)) / 2
    half = mask.width / 2
    for number, (glyph, advance) in enumerate(zip(line, advances, strict=True)):
        middle = x + advance / 2
        jump = (1 if number % 2 else -1) * manner.bounce * pixels * chance.between(0.6, 1.0)
        sway = (1 if number % 2 else -1) * manner.sway * chance.between(0.5, 1.0)
        lean = sway + _lean(manner, middle, half)
        place = (centre[0] + middle, centre[1] + jump + rise(manner, middle, half))
        _stamp(mask, glyph, pixels, place, lean, manner.shear)
        x += advance + manner.tracking * pixels


def rise(manner: Manner, middle: float, half: float) -> float:
    """How far below the straight line the baseline is, `middle` pixels right of the centre."""
    t = middle / half
    return -manner.slope * middle + manner.arch * half * t * t


def _lean(manner: Manner, middle: float, half: float) -> float:
    """In turns, clockwise."""
    gradient = -manner.slope + 2 * manner.arch * middle / half
    return math.atan(gradient) / (2 * math.pi)


def _stamp(mask: Image.Image, glyph: Glyph, pixels: int, place: tuple[float, float], lean: float, shear: float) -> None:
    side = int(pixels * 2.4) + 8
    tile = Image.new("L", (side, side), 0)
    face = font(glyph.font, pixels)
    ImageDraw.Draw(tile).text((side / 2, side / 2 + pixels * 0.37), glyph.text, fill=255, font=face, anchor="ms")
    if shear:
        tile = tile.transform(
            tile.size, Image.Transform.AFFINE, (1, shear, -shear * side / 2, 0, 1, 0), Image.Resampling.BICUBIC
        )
    if lean:
        tile = tile.rotate(-lean * 360, Image.Resampling.BICUBIC)
    left, top = round(place[0] - side / 2), round(place[1] - side / 2)
    area = (left, top, left + side, top + side)
    seen = (max(0, left), max(0, top), min(mask.width, area[2]), min(mask.height, area[3]))
    if seen[0] >= seen[2] or seen[1] >= seen[3]:
        return
    piece = tile.crop((seen[0] - left, seen[1] - top, seen[2] - left, seen[3] - top))
    mask.paste(ImageChops.lighter(mask.crop(seen), piece), seen[:2])


def words(setting: Setting) -> list[str]:
    """The lines as text, for those who want to read what was drawn."""
    return ["".join(glyph.text for glyph in line) for line in setting.lines]
