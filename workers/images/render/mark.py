"""Layer 8: the badge of a tribe - hexagon, three ovals, ring with wings, or a plain circle."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from workers.images.render.colour import INK, LIVERIES, WHITE, bytes_of, mix
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import ellipse, moved, polygon, smooth, star
from workers.images.render.spec import Tribe
from workers.images.render.typeface import HEAVY, font

LETTERS = {Tribe.DEVIL: "魔", Tribe.GUARDIAN: "守", Tribe.ANGEL: "天", Tribe.PLAIN: ""}
_GOLD = (1.0, 0.84, 0.26)


def draw_mark(tribe: Tribe, reach: int, *, rich: bool) -> Image.Image:
    """A transparent square of four times `reach`, the badge's radius, with the badge in its middle."""
    side = reach * 4
    pen = Pen((side * 2, side * 2), reach * 2.0, line=reach * 0.14)
    livery = LIVERIES[tribe]
    rim = _GOLD if rich else WHITE
    match tribe:
        case Tribe.DEVIL:
            pen.part(polygon(0, 0, 1.16, 6), rim, depth=0.10, line=1.1)
            pen.part(polygon(0, 0, 0.96, 6), livery.main, depth=0.12)
        case Tribe.GUARDIAN:
            for turn in range(3):
                at = 2 * math.pi * (turn / 3 - 0.25)
                oval = ellipse(0.44 * math.cos(at), 0.44 * math.sin(at) + 0.06, 0.68, 0.56, turn / 3 - 0.25)
                pen.part(oval, livery.main, depth=0.10, line=1.1)
            pen.part(ellipse(0, 0.06, 0.72, 0.72), mix(rim, WHITE, 0.3), depth=0.08)
        case Tribe.ANGEL:
            _wings(pen)
            pen.part(ellipse(0, 0, 1.04, 1.04), _GOLD, depth=0.12, line=1.1)
            pen.part(ellipse(0, 0, 0.80, 0.80), livery.plate, depth=0.10)
        case Tribe.PLAIN:
            pen.part(ellipse(0, 0, 1.0, 1.0), rim, depth=0.10, line=1.1)
            pen.part(ellipse(0, 0, 0.80, 0.80), livery.main, depth=0.10)
            pen.part(star(0, 0, 0.52, 0.22, 5), WHITE, depth=0, glint=0, line=0.6)
    _letter(pen.image, tribe, reach * 2)
    return pen.image.resize((side, side), Image.Resampling.LANCZOS)


def _wings(pen: Pen) -> None:
    for flip in (False, True):
        with pen.at(0.86 if not flip else -0.86, -0.10, flip=flip):
            for turn, long in ((0.06, 0.62), (0.0, 0.82), (-0.06, 0.88)):
                feather = smooth(
                    [(0, -0.16), (long * 0.6, -0.20), (long, -0.02), (long * 0.6, 0.14), (0, 0.16)], sharp=(2,)
                )
                pen.part(moved(feather, 0, 0, turn=turn), WHITE, depth=0.06, glint=0, line=0.9)


def _letter(image: Image.Image, tribe: Tribe, unit: int) -> None:
    draw = ImageDraw.Draw(image)
    fill, edge = (bytes_of(INK), bytes_of(WHITE)) if tribe is Tribe.GUARDIAN else (bytes_of(WHITE), bytes_of(INK))
    middle = image.width / 2
    face = font(HEAVY, int(unit * (1.04 if tribe is Tribe.DEVIL else 0.98)))
    drop = unit * (0.06 if tribe is Tribe.GUARDIAN else 0.0)
    place = (middle, middle + face.size * 0.37 + drop)
    draw.text(
        place,
        LETTERS[tribe],
        fill=fill,
        font=face,
        anchor="ms",
        stroke_width=max(1, int(unit * 0.06)),
        stroke_fill=edge,
    )
