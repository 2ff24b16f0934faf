"""Horns of devils, signs of guardians, light of angels, and the crown of a head."""

from __future__ import annotations

from workers.images.render.colour import GOLD, WHITE, Colour
from workers.images.render.figure.emblems import draw_emblem
from workers.images.render.figure.genes import Genes
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import Path, ellipse, limb, moved, smooth, symmetric
from workers.images.render.spec import Tier, Tribe

_BONE = (1.0, 0.95, 0.80)


_JEWELS: dict[Tribe, Colour] = {
    Tribe.DEVIL: (0.10, 0.82, 0.46),
    Tribe.GUARDIAN: (0.94, 0.12, 0.26),
    Tribe.ANGEL: (0.16, 0.44, 0.96),
    Tribe.PLAIN: (0.62, 0.30, 0.90),
}


def draw_hat_behind(pen: Pen, genes: Genes) -> None:
    _BEHIND.get(genes.horns, _nothing)(pen, genes)


def draw_hat_front(pen: Pen, genes: Genes) -> None:
    _FRONT.get(genes.horns, _nothing)(pen, genes)
    if genes.tier is Tier.HEAD:
        _crown(pen, genes)


def _horn(pen: Pen, _genes: Genes, horn: Path, rings: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            pen.part(horn, _BONE, depth=0.09, line=1.1)
            for start, end in rings:
                pen.outline([start, end], line=0.65, closed=False)


def _bull(pen: Pen, genes: Genes) -> None:
    horn = smooth(
        [(0.42, -0.62), (0.80, -0.86), (1.22, -1.04), (1.30, -1.62), (1.62, -1.06), (1.34, -0.60), (0.82, -0.36)],
        sharp=(3,),
    )
    _horn(pen, genes, horn, [((0.86, -0.86), (1.02, -0.50)), ((1.10, -0.96), (1.32, -0.66))])


def _ram(pen: Pen, genes: Genes) -> None:
    tip = limb([(1.52, -0.36), (1.36, 0.02), (1.02, 0.02), (0.92, -0.26)], [0.17, 0.14, 0.09, 0.02])
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            pen.part(tip, _BONE, depth=0.07, line=1.1)
    horn = limb([(0.46, -0.66), (0.94, -1.02), (1.44, -0.80), (1.54, -0.30)], [0.27, 0.27, 0.23, 0.18])
    _horn(
        pen,
        genes,
        horn,
        [((0.78, -1.20), (0.88, -0.68)), ((1.22, -1.16), (1.12, -0.72)), ((1.68, -0.62), (1.34, -0.54))],
    )


def _tall(pen: Pen, genes: Genes) -> None:
    horn = smooth([(0.24, -0.72), (0.34, -1.20), (0.66, -1.78), (0.72, -1.24), (0.78, -0.56)], sharp=(2,))
    _horn(pen, genes, horn, [((0.32, -0.98), (0.76, -0.86)), ((0.40, -1.22), (0.73, -1.14))])


def _unicorn(pen: Pen, _genes: Genes) -> None:
    horn = smooth(
        [(-0.24, -0.62), (-0.16, -1.10), (0.08, -1.92), (0.22, -1.10), (0.26, -0.62), (0.0, -0.52)], sharp=(2,)
    )
    pen.part(horn, _BONE, depth=0.09, line=1.1)
    for y, half in ((-0.84, 0.21), (-1.10, 0.17), (-1.36, 0.12)):
        pen.outline([(-half, y), (half + 0.03, y - 0.09)], line=0.7, closed=False)


def _crown_of_horns(pen: Pen, _genes: Genes) -> None:
    for x, height, lean in ((0.24, 1.62, 0.06), (0.64, 1.46, 0.30), (0.94, 1.12, 0.54)):
        horn = smooth(
            [
                (x - 0.21, -0.56),
                (x - 0.06, -height * 0.82),
                (x + lean, -height),
                (x + 0.19, -height * 0.74),
                (x + 0.24, -0.44),
            ],
            sharp=(2,),
        )
        for flip in (False, True):
            with pen.at(0.0, 0.0, flip=flip):
                pen.part(horn, _BONE, depth=0.07)


def _bell(pen: Pen, genes: Genes) -> None:
    pen.part(limb([(-0.50, -0.82), (0.0, -0.96), (0.50, -0.82)], [0.09, 0.10, 0.09]), genes.main, depth=0.04)
    shell = smooth(symmetric([(0, -1.46), (0.22, -1.36), (0.30, -1.06), (0.40, -0.88), (0, -0.82)]), sharp=(3, 5))
    pen.part(shell, (1.0, 0.84, 0.26), depth=0.08)
    pen.part(ellipse(0, -0.84, 0.09, 0.09), genes.main, depth=0.03, line=0.8)


def _helm_shield(pen: Pen, genes: Genes) -> None:
    cap = smooth(
        symmetric([(0, -1.16), (0.62, -1.0), (0.98, -0.50), (1.02, -0.22), (0.50, -0.44), (0, -0.50)]), sharp=(3, 7)
    )
    pen.part(cap, genes.main, depth=0.11, line=1.1)
    board = smooth(symmetric([(0, -1.36), (0.32, -1.26), (0.30, -0.86), (0, -0.58)]), sharp=(0, 1, 3, 5))
    pen.part(board, (1.0, 0.84, 0.26), depth=0.06)
    draw_emblem(pen, genes.motif, 0.0, -0.99, 0.19, genes.main)


def _knot(pen: Pen, genes: Genes) -> None:
    pen.part(
        limb([(-0.94, -0.48), (-0.50, -0.72), (0.0, -0.78), (0.50, -0.72), (0.94, -0.48)], [0.10] * 5),
        genes.accent,
        depth=0.05,
    )
    for flip in (False, True):
        with pen.at(0.0, -0.80, flip=flip):
            pen.part(
                smooth([(0.04, 0.0), (0.34, -0.40), (0.66, -0.30), (0.56, 0.04)], sharp=(0,)), genes.accent, depth=0.07
            )
    pen.part(ellipse(0, -0.82, 0.15, 0.15), genes.main, depth=0.05)


def _leaf(pen: Pen, genes: Genes) -> None:
    for turn in (-0.09, 0.09):
        leaf = smooth([(0, 0), (-0.24, -0.36), (0.0, -0.84), (0.24, -0.36)], sharp=(0, 2))
        pen.part(moved(leaf, 0, -0.86, turn=turn), (0.34, 0.78, 0.28), depth=0.08)
    pen.part(ellipse(0, -0.90, 0.14, 0.13), genes.main, depth=0.04)


def _halo(pen: Pen, genes: Genes) -> None:
    _ring(pen, genes, -1.34)


def _ring(pen: Pen, genes: Genes, y: float) -> None:
    """A halo; above the crown, where there is one."""
    y -= 0.30 if genes.tier is Tier.HEAD else 0.0
    outer, inner = ellipse(0, y, 0.66, 0.21), ellipse(0, y - 0.01, 0.44, 0.095)
    pen.part(outer, (1.0, 0.88, 0.30), depth=0.05, glint=0.03)
    pen.part(inner, (1.0, 0.99, 0.86), depth=0, glint=0, line=0.8)


def _laurel(pen: Pen, genes: Genes) -> None:
    _ring(pen, genes, -1.40)
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            for x, y, turn in ((0.88, -0.40, 0.02), (0.70, -0.64, -0.06), (0.46, -0.82, -0.12), (0.20, -0.92, -0.18)):
                leaf = smooth([(0, 0.0), (-0.11, -0.18), (0.0, -0.38), (0.11, -0.18)], sharp=(0, 2))
                pen.part(moved(leaf, x, y, turn=turn), (0.42, 0.80, 0.34), depth=0.04, line=0.85)
    pen.part(ellipse(0, -0.90, 0.12, 0.12), genes.metal, depth=0.04)


def _helm(pen: Pen, genes: Genes) -> None:
    cap = smooth(
        symmetric([(0, -1.16), (0.64, -1.0), (1.02, -0.46), (1.06, -0.06), (0.74, -0.34), (0.30, -0.46), (0, -0.28)]),
        sharp=(3, 6, 9),
    )
    pen.part(cap, genes.metal, depth=0.11, line=1.1)
    for flip in (False, True):
        with pen.at(0.92, -0.60, flip=False) if not flip else pen.at(-0.92, -0.60, flip=True):
            for turn, reach in ((-0.12, 0.62), (-0.17, 0.80), (-0.22, 0.70)):
                feather = smooth(
                    [(0, -0.12), (reach * 0.6, -0.16), (reach, -0.02), (reach * 0.6, 0.11), (0, 0.12)], sharp=(2,)
                )
                pen.part(moved(feather, 0, 0, turn=turn), WHITE, depth=0.05, glint=0, line=0.9)
    pen.part(ellipse(0, -0.66, 0.16, 0.18), genes.accent, depth=0.06)


def _tiara(pen: Pen, genes: Genes) -> None:
    _ring(pen, genes, -1.42)
    band = smooth(
        [
            (-0.80, -0.58),
            (-0.34, -0.80),
            (-0.22, -1.0),
            (-0.10, -0.86),
            (0.0, -1.14),
            (0.10, -0.86),
            (0.22, -1.0),
            (0.34, -0.80),
            (0.80, -0.58),
            (0.34, -0.66),
            (0, -0.70),
            (-0.34, -0.66),
        ],
        sharp=(0, 2, 4, 6, 8),
    )
    pen.part(band, genes.metal, depth=0.05)
    draw_emblem(pen, "drop", 0.0, -0.86, 0.13, genes.accent)


def _band(pen: Pen, genes: Genes) -> None:
    pen.part(
        smooth(
            [
                (-1.0, -0.40),
                (-0.50, -0.66),
                (0.0, -0.74),
                (0.50, -0.66),
                (1.0, -0.40),
                (0.98, -0.18),
                (0.50, -0.44),
                (0.0, -0.50),
                (-0.50, -0.44),
                (-0.98, -0.18),
            ],
            sharp=(0, 4, 5, 9),
        ),
        genes.main,
        depth=0.05,
    )
    draw_emblem(pen, genes.motif, 0.0, -0.62, 0.12, genes.accent)


def _cap(pen: Pen, genes: Genes) -> None:
    pen.part(
        smooth(symmetric([(0, -1.20), (0.66, -1.02), (1.0, -0.44), (0, -0.56)]), sharp=(2, 4)),
        genes.main,
        depth=0.12,
        line=1.1,
    )
    pen.part(
        smooth(
            [(-0.98, -0.46), (0.0, -0.66), (0.98, -0.46), (0.80, -0.28), (0.0, -0.44), (-0.80, -0.28)], sharp=(0, 2)
        ),
        genes.accent,
        depth=0.06,
    )
    draw_emblem(pen, genes.motif, 0.0, -0.86, 0.17, WHITE)


def _crown(pen: Pen, genes: Genes) -> None:
    """Worn by heads alone, of every tribe."""
    jewel = _JEWELS[genes.tribe]
    points = [
        (-0.46, -0.74),
        (-0.58, -1.16),
        (-0.28, -0.98),
        (0.0, -1.34),
        (0.28, -0.98),
        (0.58, -1.16),
        (0.46, -0.74),
        (0.0, -0.68),
    ]
    pen.part(smooth(points, sharp=(0, 1, 2, 3, 4, 5, 6)), GOLD, depth=0.07, glint=0.04, line=1.05)
    for x, y in ((-0.58, -1.19), (0.0, -1.38), (0.58, -1.19)):
        pen.part(ellipse(x, y, 0.075, 0.075), jewel, depth=0.03, glint=0.02, line=0.8)
    pen.part(
        moved(smooth([(0, -0.15), (0.11, 0), (0, 0.15), (-0.11, 0)], sharp=(0, 1, 2, 3)), 0, -0.90),
        jewel,
        depth=0.04,
        glint=0.03,
        line=0.8,
    )


def _nothing(_pen: Pen, _genes: Genes) -> None:
    return


_BEHIND = {"bull": _bull, "ram": _ram, "tall": _tall, "crown": _crown_of_horns, "leaf": _leaf}
_FRONT = {
    "unicorn": _unicorn, "bell": _bell, "shield": _helm_shield, "knot": _knot, "halo": _halo, "laurel": _laurel,
    "helm": _helm, "tiara": _tiara, "band": _band, "cap": _cap,
}  # fmt: skip
