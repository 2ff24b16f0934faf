"""Legs, torso, garments and arms."""

from __future__ import annotations

from workers.images.render.colour import WHITE, mix, shade
from workers.images.render.figure.emblems import draw_emblem
from workers.images.render.figure.genes import Genes
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import ellipse, limb, moved, polygon, smooth, symmetric
from workers.images.render.spec import Tribe

HANDS = {"raise": (0.82, -0.12), "hip": (0.74, 0.10), "guard": (0.68, 0.24)}
"""Where the hand is that holds the item."""

_TORSO = smooth(symmetric([(0, 0.0), (0.24, 0.05), (0.32, 0.30), (0.33, 0.58), (0, 0.68)]))


def draw_outfit(pen: Pen, genes: Genes) -> None:
    """Torso and garment; it hides where the arms begin."""
    _OUTFITS[genes.outfit](pen, genes)


def draw_legs(pen: Pen, genes: Genes) -> None:
    sleeve = genes.skin if genes.tribe is Tribe.DEVIL else mix(genes.main, WHITE, 0.1)
    boot = {Tribe.DEVIL: genes.main, Tribe.ANGEL: genes.metal}.get(genes.tribe, genes.accent)
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            pen.part(limb([(0.17, 0.50), (0.20, 0.70), (0.22, 0.84)], [0.14, 0.13, 0.13]), sleeve, depth=0.06)
            pen.part(
                smooth(
                    [(0.07, 0.72), (0.36, 0.72), (0.40, 0.84), (0.54, 0.90), (0.52, 1.0), (0.08, 1.0), (0.06, 0.86)],
                    sharp=(4, 5),
                ),
                boot,
                depth=0.06,
            )
            if genes.tribe is Tribe.DEVIL:
                for x in (0.24, 0.36, 0.48):
                    pen.part(
                        smooth([(x - 0.05, 0.93), (x + 0.03, 0.91), (x + 0.05, 1.05)], sharp=(2,)),
                        WHITE,
                        depth=0,
                        glint=0,
                        line=0.6,
                    )


def _belt(pen: Pen, genes: Genes) -> None:
    pen.part(_TORSO, genes.skin, depth=0.10)
    pen.inside(_TORSO, [ellipse(0, 0.34, 0.20, 0.24)], mix(genes.skin, WHITE, 0.35))
    pen.part(
        smooth(
            [(-0.35, 0.46), (0.35, 0.46), (0.42, 0.72), (0.20, 0.66), (0.0, 0.80), (-0.20, 0.66), (-0.42, 0.72)],
            sharp=(0, 1, 2, 3, 4, 5, 6),
        ),
        genes.main,
        depth=0.07,
    )
    pen.part(
        limb([(-0.34, 0.45), (0.0, 0.50), (0.34, 0.45)], [0.06, 0.06, 0.06]),
        shade(genes.main, 0.35),
        depth=0.03,
        glint=0.015,
        line=0.9,
    )
    _badge(pen, genes, 0.0, 0.48, 0.13)


def _armour(pen: Pen, genes: Genes) -> None:
    pen.part(_TORSO, genes.main, depth=0.11)
    for row in (0.40, 0.52):
        pen.outline([(-0.31, row), (0.0, row + 0.07), (0.31, row)], line=0.7, closed=False)
    plate = smooth(symmetric([(0, 0.04), (0.24, 0.08), (0.26, 0.26), (0, 0.40)]), sharp=(0, 3))
    pen.part(plate, genes.metal, depth=0.07)
    _badge(pen, genes, 0.0, 0.21, 0.115)
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            pen.part(
                smooth(
                    [(0.14, 0.08), (0.28, -0.06), (0.50, -0.02), (0.62, -0.12), (0.54, 0.18), (0.30, 0.22)], sharp=(3,)
                ),
                genes.metal,
                depth=0.07,
            )


def _vest(pen: Pen, genes: Genes) -> None:
    pen.part(_TORSO, mix(genes.skin, WHITE, 0.15), depth=0.08)
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            pen.part(
                smooth(
                    [(0.10, 0.02), (0.30, 0.05), (0.38, 0.34), (0.36, 0.62), (0.16, 0.66), (0.10, 0.36)],
                    sharp=(0, 3, 4),
                ),
                genes.main,
                depth=0.07,
            )
            pen.part(
                limb([(0.11, 0.06), (0.13, 0.36), (0.18, 0.64)], [0.035, 0.035, 0.035]),
                genes.accent,
                depth=0,
                glint=0,
                line=0.6,
            )
    pen.part(
        limb([(-0.33, 0.58), (0.0, 0.62), (0.33, 0.58)], [0.055, 0.055, 0.055]),
        genes.accent,
        depth=0.03,
        glint=0,
        line=0.8,
    )
    _badge(pen, genes, 0.0, 0.30, 0.10)


def _charm(pen: Pen, genes: Genes) -> None:
    """A brocade pouch with a cord: the body is the charm."""
    pouch = smooth(symmetric([(0, -0.02), (0.20, 0.02), (0.34, 0.16), (0.38, 0.66), (0, 0.70)]), sharp=(3, 5))
    pen.part(pouch, genes.main, depth=0.10)
    checks = [polygon(x, y, 0.05, 4) for x in (-0.30, -0.15, 0.0, 0.15, 0.30) for y in (0.20, 0.36, 0.52, 0.66)]
    pen.inside(pouch, checks, mix(genes.main, genes.accent, 0.45))
    pen.part(
        smooth(symmetric([(0, 0.16), (0.15, 0.16), (0.15, 0.62), (0, 0.62)]), sharp=(0, 1, 2, 3, 4, 5)),
        (1.0, 0.98, 0.90),
        depth=0.03,
        glint=0,
        line=0.8,
    )
    draw_emblem(pen, genes.motif, 0.0, 0.39, 0.12, genes.main)
    _bow(pen, genes, 0.0, 0.08)


def _bell(pen: Pen, genes: Genes) -> None:
    gold = (1.0, 0.82, 0.22)
    shell = smooth(symmetric([(0, -0.04), (0.24, 0.02), (0.38, 0.32), (0.40, 0.56), (0.24, 0.70), (0, 0.73)]))
    pen.part(shell, gold, depth=0.11)
    pen.part(
        limb([(-0.40, 0.40), (0.0, 0.47), (0.40, 0.40)], [0.045, 0.045, 0.045]),
        genes.main,
        depth=0.02,
        glint=0,
        line=0.8,
    )
    pen.part(limb([(-0.19, 0.59), (0.19, 0.59)], [0.022, 0.022]), shade(gold, 0.7), depth=0, glint=0, line=0.3)
    for x in (-0.20, 0.20):
        pen.part(ellipse(x, 0.59, 0.055, 0.055), shade(gold, 0.7), depth=0, glint=0, line=0.5)
    _bow(pen, genes, 0.0, 0.06)


def _shield(pen: Pen, genes: Genes) -> None:
    board = smooth(symmetric([(0, 0.0), (0.40, 0.04), (0.40, 0.40), (0.22, 0.66), (0, 0.76)]), sharp=(1, 4, 7))
    pen.part(board, genes.metal, depth=0.08)
    pen.part(moved(board, 0, 0.07, scale=0.80), genes.main, depth=0.07, line=0.8)
    draw_emblem(pen, genes.motif, 0.0, 0.36, 0.19, genes.accent)


def _robe(pen: Pen, genes: Genes) -> None:
    skirt = smooth(
        symmetric([(0, -0.02), (0.24, 0.04), (0.36, 0.40), (0.52, 0.86), (0.26, 0.80), (0, 0.90)]), sharp=(3, 7)
    )
    pen.part(skirt, genes.main, depth=0.11)
    for x in (-0.20, 0.0, 0.20):
        pen.outline([(x * 0.8, 0.52), (x * 1.1, 0.70), (x * 1.3, 0.80)], line=0.6, closed=False)
    pen.part(
        limb([(-0.37, 0.44), (0.0, 0.50), (0.37, 0.44)], [0.05, 0.05, 0.05]),
        genes.accent,
        depth=0.03,
        glint=0,
        line=0.8,
    )
    _collar(pen, genes)
    _badge(pen, genes, 0.0, 0.24, 0.105)


def _stole(pen: Pen, genes: Genes) -> None:
    skirt = smooth(symmetric([(0, -0.02), (0.24, 0.04), (0.34, 0.40), (0.46, 0.88), (0, 0.92)]), sharp=(3, 5))
    pen.part(skirt, genes.main, depth=0.11)
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            pen.part(
                smooth(
                    [(0.06, 0.02), (0.22, 0.02), (0.26, 0.44), (0.33, 0.82), (0.13, 0.84), (0.10, 0.44)], sharp=(3, 4)
                ),
                genes.accent,
                depth=0.05,
            )
            with pen.at(0.22, 0.70):
                draw_emblem(pen, genes.motif, 0.0, 0.0, 0.07, genes.metal)
    _collar(pen, genes)


def _breastplate(pen: Pen, genes: Genes) -> None:
    skirt = smooth(symmetric([(0, 0.40), (0.30, 0.42), (0.48, 0.80), (0.24, 0.74), (0, 0.84)]), sharp=(2, 6))
    pen.part(skirt, genes.main, depth=0.08)
    plate = smooth(symmetric([(0, -0.02), (0.26, 0.04), (0.34, 0.28), (0.28, 0.50), (0, 0.58)]))
    pen.part(plate, genes.metal, depth=0.10)
    _badge(pen, genes, 0.0, 0.27, 0.13)
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            pen.part(ellipse(0.33, 0.08, 0.17, 0.13, 0.05), genes.metal, depth=0.06)


def _collar(pen: Pen, genes: Genes) -> None:
    pen.part(
        smooth(symmetric([(0, 0.14), (0.26, 0.02), (0.20, -0.06)]), sharp=(0, 1, 4)), genes.metal, depth=0.03, line=0.8
    )


def _bow(pen: Pen, genes: Genes, x: float, y: float) -> None:
    for flip in (False, True):
        with pen.at(x, y, flip=flip):
            pen.part(
                smooth([(0.02, 0.0), (0.20, -0.12), (0.26, 0.02), (0.19, 0.12)], sharp=(0,)),
                genes.accent,
                depth=0.04,
                line=0.8,
            )
    pen.part(ellipse(x, y, 0.06, 0.065), genes.accent, depth=0.03, line=0.8)


def _badge(pen: Pen, genes: Genes, x: float, y: float, reach: float) -> None:
    pen.part(ellipse(x, y, reach, reach), genes.accent, depth=reach * 0.3, glint=reach * 0.15, line=0.85)
    draw_emblem(pen, genes.motif, x, y, reach * 0.62, WHITE if genes.tribe is Tribe.ANGEL else shade(genes.main, 0.25))


def draw_arms(pen: Pen, genes: Genes) -> None:
    """One arm is free, the other's hand closes over the item that is drawn before it."""
    spines = {
        "raise": [(-0.16, 0.20), (-0.54, 0.24), (-0.72, -0.06)],
        "hip": [(-0.16, 0.17), (-0.52, 0.20), (-0.68, 0.38), (-0.50, 0.54)],
        "guard": [(-0.16, 0.18), (-0.52, 0.34), (-0.74, 0.20)],
    }
    _arm(pen, genes, spines[genes.pose])
    hand = HANDS[genes.pose]
    _arm(pen, genes, [(0.16, 0.20), ((0.20 + hand[0]) / 2 + 0.06, hand[1] * 0.5 + 0.20), hand])


def _arm(pen: Pen, genes: Genes, spine: list[tuple[float, float]]) -> None:
    sleeve = genes.main if genes.tribe is not Tribe.DEVIL else genes.skin
    pen.part(limb(spine, [0.105, 0.105, 0.10]), sleeve, depth=0.05)
    x, y = spine[-1]
    near = ((spine[-2][0] + 2 * x) / 3, (spine[-2][1] + 2 * y) / 3)
    pen.part(limb([near, (x, y)], [0.125, 0.115]), genes.accent, depth=0.04, glint=0.02, line=0.85)
    _hand(pen, genes, x, y)


def _hand(pen: Pen, genes: Genes, x: float, y: float) -> None:
    pen.part(ellipse(x, y, 0.135, 0.125), genes.skin, depth=0.05)
    for dx in (-0.045, 0.035):
        pen.outline([(x + dx, y - 0.01), (x + dx + 0.01, y + 0.08)], line=0.6, closed=False)


_OUTFITS = {
    "belt": _belt, "armour": _armour, "vest": _vest, "charm": _charm, "bell": _bell, "shield": _shield,
    "robe": _robe, "stole": _stole, "breastplate": _breastplate,
}  # fmt: skip
