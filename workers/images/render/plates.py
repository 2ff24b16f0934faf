"""What lettering stands on: the bar behind the name, and the pill with stars and number."""

from __future__ import annotations

from PIL import ImageDraw

from workers.images.render.chance import Chance
from workers.images.render.colour import GOLD, INK, LIVERIES, WHITE, bytes_of, shade
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import Path, smooth, star
from workers.images.render.layer import Box, Sheet
from workers.images.render.spec import StickerSpec, Tier, Tribe, plain_text
from workers.images.render.typeface import HEAVY, font

BAR = 0.66
"""The least width of the bar behind a name, as a share of the picture's."""
_TALL = 0.062


def band_pen(size: int, top: int, bottom: int) -> Pen:
    """A pen for a band of the picture at twice the size; unit and origin are those of the whole picture."""
    return Pen(
        (size * 2, (bottom - top) * 2), size * 2.0, line=size * 0.0105, origin=(float(size), float(size - top * 2))
    )


def lay_bar(sheet: Sheet, tribe: Tribe, name_box: Box) -> None:
    """Behind the name, as wide as it and never narrow."""
    size = sheet.size
    top = round(size * 0.60)
    pen = band_pen(size, top, size)
    middle = (name_box[1] + name_box[3]) / 2 / size - 0.5
    half = min(0.458, max(BAR / 2, (name_box[2] - name_box[0]) / 2 / size + 0.012))
    with pen.at(0.0, middle):
        _BARS[tribe](pen, tribe, half)
    sheet.paste_doubled(pen.image, 0, top)


def _jagged(pen: Pen, tribe: Tribe, half: float) -> None:
    """Rises to the right, with torn ends."""
    rise, tall = 0.105 * half, _TALL
    top = [(-half, rise - tall * 0.8), (half - 0.03, -rise - tall)]
    right = [
        (half, -rise - tall * 0.3),
        (half - 0.035, -rise),
        (half, -rise + tall * 0.35),
        (half - 0.03, -rise + tall * 0.9),
    ]
    left = [
        (-half + 0.03, rise + tall),
        (-half, rise + tall * 0.45),
        (-half + 0.035, rise + tall * 0.1),
        (-half, rise - tall * 0.3),
    ]
    pen.part([*top, *right, *left], LIVERIES[tribe].plate, depth=0.012, glint=0.006)


def _arched(pen: Pen, tribe: Tribe, half: float) -> None:
    """A ribbon with swallow tails, higher in the middle."""
    low, high = 0.016, 0.112
    path = smooth(
        [
            (-half, low),
            (0, -_TALL + 0.004),
            (half, low),
            (half - 0.03, (low + high) / 2),
            (half, high),
            (0, _TALL),
            (-half, high),
            (-half + 0.03, (low + high) / 2),
        ],
        sharp=(0, 2, 3, 4, 6, 7),
    )
    pen.part(path, LIVERIES[tribe].plate, depth=0.012, glint=0.006)


def _straight(pen: Pen, tribe: Tribe, half: float) -> None:
    """A scroll with folded ends and two lines of gold."""
    plate = LIVERIES[tribe].plate
    for side in (-1, 1):
        fold = [
            (side * (half - 0.10), -0.030),
            (side * half, -0.030),
            (side * (half - 0.035), 0.030),
            (side * half, 0.088),
            (side * (half - 0.10), 0.088),
        ]
        pen.part(fold, shade(plate, 0.35), depth=0.008, glint=0)
    inner = half - 0.045
    pen.part(_strip(inner, 0.0, _TALL), plate, depth=0.012, glint=0.006)
    for y in (-_TALL + 0.012, _TALL - 0.012):
        pen.patch(_strip(inner - 0.01, y, 0.0025), GOLD)


def _strip(half: float, y: float, tall: float) -> Path:
    return [(-half, y - tall), (half, y - tall), (half, y + tall), (-half, y + tall)]


_BARS = {Tribe.DEVIL: _jagged, Tribe.GUARDIAN: _arched, Tribe.ANGEL: _straight, Tribe.PLAIN: _straight}


def lay_number(sheet: Sheet, spec: StickerSpec) -> None:
    """Rarity in stars, and the number of the sticker in its series."""
    size, tribe, tier = sheet.size, spec.tribe, spec.tier
    top = round(size * 0.90)
    pen = band_pen(size, top, size)
    right, y, tall = 0.400, 0.4510, 0.0165
    left = right - 0.118 - 0.030 * (tier + 1)
    path = smooth(
        [
            (left, y - tall),
            (right, y - tall),
            (right + 0.006, y),
            (right, y + tall),
            (left, y + tall),
            (left - 0.014, y),
        ],
        sharp=(0, 1, 3, 4),
    )
    pen.part(path, INK if tier is Tier.HEAD else LIVERIES[tribe].dark, depth=0, glint=0, line=0.8)
    for index in range(tier + 1):
        pen.part(star(left + 0.014 + index * 0.030, y, 0.0145, 0.0064, 5), GOLD, depth=0, glint=0, line=0.30)
    number = f"No.{Chance('number', plain_text(spec.character_name), spec.drawn_seed).whole(1, 999):03d}"
    face = font(HEAVY, max(4, int(size * 2 * 0.0215)))
    place = ((right - 0.004 + 0.5) * size * 2, ((y + 0.5) * size - top) * 2 + face.size * 0.36)
    ImageDraw.Draw(pen.image).text(place, number, fill=bytes_of(WHITE), font=face, anchor="rs")
    sheet.paste_doubled(pen.image, 0, top)
