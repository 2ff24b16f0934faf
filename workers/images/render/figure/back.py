"""What a creature carries behind it: wings, rings, capes, tails."""

from __future__ import annotations

import math

from workers.images.render.colour import WHITE, Colour, mix, shade
from workers.images.render.figure.genes import Genes
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import ellipse, limb, moved, smooth, star
from workers.images.render.spec import Tier, Tribe


def draw_back(pen: Pen, genes: Genes) -> None:
    if genes.tier is Tier.HEAD:
        _cape(pen, genes)
    _BACKS[genes.back](pen, genes)
    _TAILS[genes.tail](pen, genes)


_CAPES: dict[Tribe, Colour] = {
    Tribe.DEVIL: (0.74, 0.05, 0.22),
    Tribe.GUARDIAN: (0.12, 0.36, 0.82),
    Tribe.ANGEL: (0.90, 0.16, 0.28),
    Tribe.PLAIN: (0.42, 0.24, 0.66),
}


def _cape(pen: Pen, genes: Genes) -> None:
    path = smooth(
        [(-0.26, 0.0), (0.26, 0.0), (0.62, 0.5), (0.80, 0.94), (0.52, 0.84), (0.28, 0.98), (0, 0.86), (-0.28, 0.98), (-0.52, 0.84), (-0.80, 0.94), (-0.62, 0.5)],
        sharp=(3, 5, 7, 9),
    )  # fmt: skip
    pen.part(path, _CAPES[genes.tribe], depth=0.12)


_BAT = [(0.10, 0.06), (0.36, -0.30), (0.60, -0.66), (0.84, -0.46), (1.24, -0.44), (1.06, -0.14), (1.20, 0.18), (0.92, 0.16), (0.86, 0.50), (0.60, 0.34), (0.40, 0.54), (0.10, 0.36)]  # fmt: skip


def _bat(pen: Pen, genes: Genes) -> None:
    wing = smooth(_BAT, sharp=(2, 4, 6, 8, 10))
    membrane = mix(genes.main, genes.skin, 0.15)
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            pen.part(wing, membrane, depth=0.13, line=1.15)
            for tip in ((1.18, -0.40), (1.14, 0.15), (0.84, 0.44)):
                pen.part(
                    limb([(0.58, -0.52), ((0.62 + tip[0]) / 2, (tip[1] - 0.50) / 2 - 0.02), tip], [0.045, 0.03, 0.012]),
                    genes.skin,
                    depth=0.02,
                    glint=0,
                    line=0.7,
                )
            pen.part(
                limb([(0.12, 0.16), (0.36, -0.22), (0.58, -0.54)], [0.07, 0.055, 0.05]),
                genes.skin,
                depth=0.03,
                line=0.9,
            )
            pen.part(
                smooth([(0.53, -0.52), (0.60, -0.80), (0.67, -0.52), (0.60, -0.46)], sharp=(1,)),
                (1.0, 0.96, 0.84),
                depth=0.03,
                line=0.8,
            )


def _ragged(pen: Pen, genes: Genes) -> None:
    wing = smooth(
        [(0.10, 0.0), (0.50, -0.52), (0.92, -0.86), (0.98, -0.50), (1.26, -0.30), (1.04, -0.16), (1.18, 0.12), (0.92, 0.10), (0.98, 0.42), (0.70, 0.30), (0.56, 0.56), (0.10, 0.34)],
        sharp=(2, 4, 6, 8, 10),
    )  # fmt: skip
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            pen.part(wing, shade(genes.main, 0.15), depth=0.15, line=1.15)
            inner = moved(wing, 0.06, -0.0, scale=0.70)
            pen.part(inner, mix(genes.accent, genes.main, 0.25), depth=0.12, glint=0, line=0.6)


def _feather(pen: Pen, genes: Genes) -> None:
    for flip in (False, True):
        with pen.at(0.14, 0.10, flip=flip):
            _wing(pen, genes, 1.0)


def _six(pen: Pen, genes: Genes) -> None:
    for flip in (False, True):
        with pen.at(0.12, 0.30, flip=flip, turn=0.10, scale=0.66):
            _wing(pen, genes, 1.0)
        with pen.at(0.12, 0.04, flip=flip, turn=-0.03, scale=0.98):
            _wing(pen, genes, 1.0)


def _wing(pen: Pen, genes: Genes, reach: float) -> None:
    """Three rows of feathers fanned from the shoulder, the longest below."""
    rows = ((8, 1.42, 0.13, WHITE), (7, 1.02, 0.12, mix(genes.accent, WHITE, 0.50)), (5, 0.64, 0.11, WHITE))
    for count, length, width, tint in rows:
        for number in range(count):
            share = number / (count - 1)
            heading = math.radians(34 - 104 * share)
            long = reach * length * (0.66 + 0.34 * math.sin(math.pi * (0.08 + share * 0.62)))
            feather = smooth(
                [
                    (0, -width * 0.5),
                    (long * 0.55, -width),
                    (long, -width * 0.15),
                    (long * 0.9, width * 0.7),
                    (long * 0.5, width),
                    (0, width * 0.5),
                ],
                sharp=(2,),
            )
            pen.part(moved(feather, 0.02, 0.02, turn=heading / (2 * math.pi)), tint, depth=0.035, glint=0, line=0.75)
    pen.part(
        smooth([(-0.06, 0.16), (0.02, -0.10), (0.22, -0.24), (0.34, -0.16), (0.24, 0.04), (0.08, 0.20)]),
        WHITE,
        depth=0.05,
        line=0.8,
    )


def _rope(pen: Pen, _genes: Genes) -> None:
    """A twisted straw ring with paper streamers."""
    straw, count = (0.98, 0.84, 0.46), 30
    for number in range(count):
        at = 2 * math.pi * number / count
        piece = ellipse(0, 0, 0.135, 0.085)
        pen.part(
            moved(piece, 0.92 * math.cos(at), -0.12 + 0.86 * math.sin(at), turn=at / (2 * math.pi) + 0.25 - 0.09),
            straw,
            depth=0.05,
            glint=0.025,
            line=0.75,
        )
    for at in (-2.75, -2.1, -1.05, -0.4):
        x, y = 0.93 * math.cos(at), -0.12 + 0.87 * math.sin(at)
        zigzag = [
            (x - 0.05, y),
            (x + 0.07, y),
            (x + 0.07, y + 0.11),
            (x + 0.13, y + 0.11),
            (x + 0.13, y + 0.25),
            (x + 0.02, y + 0.25),
            (x + 0.02, y + 0.13),
            (x - 0.05, y + 0.13),
        ]
        pen.part(zigzag, WHITE, depth=0.025, glint=0, line=0.7)


def _petals(pen: Pen, genes: Genes) -> None:
    count = 14
    for row, (tint, reach) in enumerate(((genes.main, 1.0), (genes.accent, 0.84))):
        for number in range(count):
            turn = (number + row * 0.5) / count
            petal = smooth(
                [(0.2, -0.10), (0.62 * reach, -0.20), (1.02 * reach, 0.0), (0.62 * reach, 0.20), (0.2, 0.10)]
            )
            pen.part(moved(petal, 0, -0.16, turn=turn), tint, depth=0.05, line=0.8)


def _flags(pen: Pen, genes: Genes) -> None:
    for flip in (False, True):
        for number, (x, top) in enumerate(((0.34, -0.94), (0.62, -0.62))):
            with pen.at(0.0, 0.0, flip=flip):
                pen.part(
                    limb([(0.16, 0.5), (x, top)], [0.03, 0.03]), (0.72, 0.48, 0.24), depth=0.015, glint=0, line=0.7
                )
                tint = genes.accent if number else genes.main
                banner = smooth(
                    [
                        (x - 0.02, top),
                        (x + 0.40, top - 0.03),
                        (x + 0.33, top + 0.14),
                        (x + 0.44, top + 0.30),
                        (x - 0.10, top + 0.33),
                    ],
                    sharp=(0, 1, 2, 3, 4),
                )
                pen.part(banner, tint, depth=0.06, line=0.9)
                pen.part(ellipse(x + 0.14, top + 0.15, 0.075, 0.075), WHITE, depth=0, glint=0, line=0.6)


def _scarf(pen: Pen, genes: Genes) -> None:
    for drop in (0.0, 0.22):
        tail = smooth(
            [
                (-0.1, 0.0),
                (-0.55, -0.20 + drop),
                (-0.95, 0.02 + drop),
                (-1.18, -0.14 + drop),
                (-1.08, 0.22 + drop),
                (-0.6, 0.08 + drop),
                (-0.1, 0.2),
            ],
            sharp=(3, 4),
        )
        pen.part(tail, genes.main, depth=0.07)
    pen.part(star(0, -0.15, 1.02, 0.66, 12), mix(genes.accent, WHITE, 0.25), depth=0.06)


def _arrow_tail(pen: Pen, genes: Genes) -> None:
    pen.part(
        limb([(0.10, 0.55), (0.52, 0.78), (0.84, 0.60), (0.80, 0.30)], [0.09, 0.07, 0.055, 0.05]),
        genes.skin,
        depth=0.05,
        line=0.9,
    )
    tip = smooth([(0.0, -0.22), (0.20, 0.08), (0.05, 0.04), (0, 0.10), (-0.05, 0.04), (-0.20, 0.08)], sharp=(0, 1, 5))
    pen.part(moved(tip, 0.80, 0.28, turn=-0.03), genes.main, depth=0.05, line=0.9)


def _flame_tail(pen: Pen, genes: Genes) -> None:
    pen.part(limb([(0.10, 0.55), (0.48, 0.80), (0.80, 0.62)], [0.09, 0.07, 0.05]), genes.skin, depth=0.05, line=0.9)
    flame = smooth(
        [
            (0, 0.16),
            (-0.17, 0.02),
            (-0.09, -0.16),
            (-0.02, -0.10),
            (0.02, -0.36),
            (0.16, -0.12),
            (0.22, -0.18),
            (0.17, 0.06),
        ],
        sharp=(2, 4, 6),
    )
    pen.part(moved(flame, 0.84, 0.56), (1.0, 0.45, 0.08), depth=0.05, line=0.9)
    pen.patch(moved(flame, 0.845, 0.60, scale=0.52), (1.0, 0.90, 0.30))


def _puff_tail(pen: Pen, genes: Genes) -> None:
    pen.part(star(0.46, 0.60, 0.25, 0.20, 9), mix(genes.skin, WHITE, 0.5), depth=0.06, line=0.9)


def _curl_tail(pen: Pen, genes: Genes) -> None:
    pen.part(
        limb([(0.12, 0.56), (0.56, 0.72), (0.78, 0.44), (0.58, 0.30), (0.50, 0.46)], [0.08, 0.09, 0.10, 0.08, 0.05]),
        genes.skin,
        depth=0.05,
        line=0.9,
    )


def _none(_pen: Pen, _genes: Genes) -> None:
    return


_BACKS = {
    "bat": _bat, "ragged": _ragged, "feather": _feather, "six": _six,
    "rope": _rope, "petals": _petals, "flags": _flags, "scarf": _scarf,
}  # fmt: skip
_TAILS = {"arrow": _arrow_tail, "flame": _flame_tail, "puff": _puff_tail, "curl": _curl_tail, "none": _none}
