"""What a creature holds: drawn about the hand at the origin, upright."""

from __future__ import annotations

from workers.images.render.colour import WHITE, mix, shade
from workers.images.render.figure.emblems import draw_emblem
from workers.images.render.figure.genes import Genes
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import ellipse, limb, moved, smooth, star, symmetric

_WOOD = (0.66, 0.40, 0.20)
_STEEL = (0.84, 0.88, 0.96)


def draw_item(pen: Pen, genes: Genes) -> None:
    _ITEMS[genes.item](pen, genes)


def _shaft(pen: Pen, low: float, high: float, width: float = 0.04) -> None:
    pen.part(limb([(0, low), (0, high)], [width, width]), _WOOD, depth=0.02, glint=0.012, line=0.85)


def _trident(pen: Pen, genes: Genes) -> None:
    _shaft(pen, 0.72, -0.52)
    fork = smooth(
        [(-0.06, -0.42), (-0.30, -0.56), (-0.34, -1.0), (-0.20, -0.72), (-0.08, -0.66), (0.0, -1.16), (0.08, -0.66), (0.20, -0.72), (0.34, -1.0), (0.30, -0.56), (0.06, -0.42)],
        sharp=(2, 5, 8),
    )  # fmt: skip
    pen.part(fork, genes.metal, depth=0.05)
    pen.part(ellipse(0, -0.44, 0.10, 0.07), genes.accent, depth=0.03, line=0.8)


def _club(pen: Pen, genes: Genes) -> None:
    body = smooth(
        [
            (-0.06, 0.36),
            (-0.09, 0.0),
            (-0.20, -0.50),
            (-0.16, -0.82),
            (0.16, -0.82),
            (0.20, -0.50),
            (0.09, 0.0),
            (0.06, 0.36),
        ]
    )
    iron = (0.36, 0.36, 0.46)
    for x, y in ((-0.19, -0.66), (0.19, -0.66), (-0.17, -0.42), (0.17, -0.42), (0.0, -0.86)):
        pen.part(star(x, y, 0.10, 0.05, 4), _STEEL, depth=0, glint=0, line=0.7)
    pen.part(body, iron, depth=0.07)
    for x, y in ((0.02, -0.68), (-0.06, -0.50), (0.07, -0.42), (0.0, -0.28)):
        pen.part(ellipse(x, y, 0.045, 0.045), _STEEL, depth=0, glint=0, line=0.6)
    pen.part(ellipse(0, 0.38, 0.10, 0.08), genes.accent, depth=0.03, line=0.8)


def _scythe(pen: Pen, genes: Genes) -> None:
    _shaft(pen, 0.74, -0.80)
    blade = smooth(
        [(0.10, -0.92), (-0.30, -1.02), (-0.66, -0.80), (-0.80, -0.46), (-0.50, -0.66), (-0.10, -0.72), (0.10, -0.70)],
        sharp=(3, 0, 6),
    )
    pen.part(blade, _STEEL, depth=0.06)
    pen.part(ellipse(0, -0.80, 0.10, 0.10), genes.accent, depth=0.03, line=0.8)


def _axe(pen: Pen, genes: Genes) -> None:
    _shaft(pen, 0.66, -0.84)
    for flip in (False, True):
        with pen.at(0.0, -0.58, flip=flip):
            pen.part(
                smooth(
                    [
                        (0.03, -0.12),
                        (0.20, -0.14),
                        (0.36, -0.30),
                        (0.44, 0.0),
                        (0.36, 0.30),
                        (0.20, 0.14),
                        (0.03, 0.12),
                    ],
                    sharp=(2, 4),
                ),
                _STEEL,
                depth=0.05,
            )
    pen.part(ellipse(0, -0.58, 0.10, 0.14), genes.accent, depth=0.03, line=0.8)


def _claw(pen: Pen, genes: Genes) -> None:
    for x, turn in ((-0.13, -0.05), (0.0, 0.0), (0.13, 0.05)):
        blade = smooth([(-0.06, 0.0), (-0.03, -0.30), (0.10, -0.56), (0.07, -0.24), (0.06, 0.0)], sharp=(2,))
        pen.part(moved(blade, x, -0.06, turn=turn), _STEEL, depth=0.03, line=0.8)
    pen.part(ellipse(0, 0.02, 0.21, 0.15), genes.metal, depth=0.05)


def _mallet(pen: Pen, genes: Genes) -> None:
    _shaft(pen, 0.40, -0.50, 0.045)
    pen.part(
        smooth(
            [(-0.34, -0.70), (0.34, -0.70), (0.38, -0.48), (0.34, -0.26), (-0.34, -0.26), (-0.38, -0.48)],
            sharp=(0, 1, 3, 4),
        ),
        genes.accent,
        depth=0.07,
    )
    for x in (-0.29, 0.29):
        pen.part(ellipse(x, -0.48, 0.09, 0.235), (1.0, 0.82, 0.22), depth=0.03, line=0.8)
    draw_emblem(pen, genes.motif, 0.0, -0.48, 0.12, genes.main)


def _wand(pen: Pen, _genes: Genes) -> None:
    _shaft(pen, 0.40, -0.44)
    for turn, y in ((-0.06, -0.20), (0.06, -0.20)):
        strip = [(0, 0), (0.09, 0), (0.09, 0.16), (0.18, 0.16), (0.18, 0.36), (0.04, 0.36), (0.04, 0.18), (0, 0.18)]
        path = (
            moved(strip, 0.0, y - 0.14, turn=turn)
            if turn > 0
            else [(-a, b) for a, b in moved(strip, 0.0, y - 0.14, turn=0.06)]
        )
        pen.part(path, WHITE, depth=0.02, glint=0, line=0.8)
    pen.part(star(0, -0.62, 0.30, 0.14, 5), (1.0, 0.84, 0.24), depth=0.06)


def _drum(pen: Pen, genes: Genes) -> None:
    _shaft(pen, 0.36, -0.20)
    pen.part(ellipse(0, -0.44, 0.33, 0.33), genes.main, depth=0.06)
    pen.part(ellipse(0, -0.44, 0.25, 0.25), (1.0, 0.96, 0.86), depth=0.05, glint=0, line=0.8)
    draw_emblem(pen, genes.motif, 0.0, -0.44, 0.14, genes.accent)
    for side in (-1, 1):
        pen.part(ellipse(side * 0.42, -0.40, 0.075, 0.075), genes.accent, depth=0.03, line=0.8)


def _held_shield(pen: Pen, genes: Genes) -> None:
    board = smooth(symmetric([(0, -0.44), (0.34, -0.38), (0.34, 0.02), (0.18, 0.30), (0, 0.42)]), sharp=(1, 4, 7))
    pen.part(board, genes.metal, depth=0.07)
    pen.part(moved(board, 0, -0.01, scale=0.78), genes.accent, depth=0.06, line=0.8)
    draw_emblem(pen, genes.motif, 0.0, -0.06, 0.18, WHITE)


def _fan(pen: Pen, genes: Genes) -> None:
    _shaft(pen, 0.30, -0.10)
    for number in range(5):
        rib = smooth([(-0.04, 0), (-0.17, -0.48), (0.0, -0.60), (0.17, -0.48), (0.04, 0)])
        tint = genes.main if number % 2 == 0 else mix(genes.accent, WHITE, 0.2)
        pen.part(moved(rib, 0, -0.06, turn=(number - 2) * 0.075), tint, depth=0.04, line=0.8)
    pen.part(ellipse(0, -0.08, 0.09, 0.09), (1.0, 0.82, 0.22), depth=0.03, line=0.8)


def _staff(pen: Pen, genes: Genes) -> None:
    _shaft(pen, 0.74, -0.62)
    pen.part(ellipse(0, -0.82, 0.25, 0.25), genes.metal, depth=0.06)
    pen.part(ellipse(0, -0.82, 0.16, 0.16), genes.accent, depth=0.06, line=0.8)
    for flip in (False, True):
        with pen.at(0.0, -0.66, flip=flip):
            for turn in (0.02, -0.05):
                feather = smooth([(0.02, 0.06), (0.24, -0.04), (0.44, -0.20), (0.32, 0.06), (0.12, 0.12)], sharp=(2,))
                pen.part(moved(feather, 0, 0, turn=turn), WHITE, depth=0.03, glint=0, line=0.75)
    draw_emblem(pen, genes.motif, 0.0, -0.82, 0.10, WHITE)


def _sword(pen: Pen, genes: Genes) -> None:
    pen.part(limb([(0, 0.30), (0, -0.10)], [0.05, 0.05]), genes.accent, depth=0.02, line=0.85)
    pen.part(
        smooth([(-0.10, -0.20), (-0.11, -0.86), (0.0, -1.10), (0.11, -0.86), (0.10, -0.20)], sharp=(0, 2, 4)),
        _STEEL,
        depth=0.04,
    )
    pen.outline([(0, -0.30), (0, -0.90)], line=0.5, closed=False)
    pen.part(
        smooth([(-0.30, -0.26), (0, -0.20), (0.30, -0.26), (0.28, -0.12), (0, -0.10), (-0.28, -0.12)]),
        genes.metal,
        depth=0.03,
    )
    pen.part(ellipse(0, 0.34, 0.08, 0.08), genes.metal, depth=0.03, line=0.8)


def _trumpet(pen: Pen, genes: Genes) -> None:
    horn = smooth(
        [(-0.04, 0.34), (-0.06, -0.30), (-0.30, -0.72), (0.0, -0.66), (0.30, -0.72), (0.06, -0.30), (0.04, 0.34)],
        sharp=(2, 4),
    )
    pen.part(horn, genes.metal, depth=0.05)
    pen.part(ellipse(0, -0.72, 0.30, 0.10), shade(genes.metal, 0.5), depth=0, glint=0, line=0.9)
    pen.part(
        smooth([(0.05, -0.16), (0.46, -0.26), (0.40, -0.06), (0.48, 0.14), (0.05, 0.08)], sharp=(1, 2, 3)),
        genes.accent,
        depth=0.05,
    )
    draw_emblem(pen, genes.motif, 0.22, -0.06, 0.09, WHITE)


def _bow(pen: Pen, genes: Genes) -> None:
    pen.outline([(-0.16, -0.80), (-0.16, 0.62)], line=0.6, closed=False)
    pen.part(
        limb(
            [(-0.18, -0.84), (0.10, -0.62), (0.10, -0.10), (0.10, 0.42), (-0.18, 0.66)], [0.03, 0.06, 0.075, 0.06, 0.03]
        ),
        genes.metal,
        depth=0.03,
    )
    pen.part(limb([(-0.50, -0.10), (0.46, -0.10)], [0.022, 0.022]), _WOOD, depth=0, glint=0, line=0.7)
    pen.part(
        smooth([(0.40, -0.22), (0.66, -0.10), (0.40, 0.02), (0.46, -0.10)], sharp=(0, 1, 2)),
        genes.accent,
        depth=0.03,
        line=0.8,
    )


def _harp(pen: Pen, genes: Genes) -> None:
    frame = smooth(
        [(-0.10, 0.20), (-0.26, -0.30), (-0.20, -0.76), (0.06, -0.60), (0.38, -0.72), (0.30, -0.30), (0.10, 0.20)],
        sharp=(2, 4),
    )
    pen.part(frame, genes.metal, depth=0.05)
    hole = moved(frame, 0.01, -0.10, scale=0.62)
    pen.part(hole, mix(genes.accent, WHITE, 0.6), depth=0, glint=0, line=0.8)
    for x in (-0.08, 0.02, 0.12):
        pen.outline([(x, -0.50), (x, -0.04)], line=0.45, closed=False)


def _nothing(_pen: Pen, _genes: Genes) -> None:
    return


ITEM_TURN = {
    "trident": 0.035,
    "club": 0.06,
    "scythe": 0.03,
    "axe": 0.05,
    "sword": 0.05,
    "mallet": 0.05,
    "staff": 0.03,
    "trumpet": 0.07,
}
"""How far each leans outwards, in turns."""

_ITEMS = {
    "trident": _trident, "club": _club, "scythe": _scythe, "axe": _axe, "claw": _claw, "mallet": _mallet,
    "wand": _wand, "drum": _drum, "shield": _held_shield, "fan": _fan, "staff": _staff, "sword": _sword,
    "trumpet": _trumpet, "bow": _bow, "harp": _harp, "none": _nothing,
}  # fmt: skip
