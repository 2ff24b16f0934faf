"""The head: skull, ears and what grows on it. All in a space where the head's radius is 1."""

from __future__ import annotations

import math

from workers.images.render.colour import WHITE, mix, shade
from workers.images.render.figure.ears import draw_ears
from workers.images.render.figure.face import draw_face
from workers.images.render.figure.genes import Genes
from workers.images.render.figure.hats import draw_hat_behind, draw_hat_front
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import Path, ellipse, limb, smooth, star, symmetric

_SKULLS: dict[str, Path] = {
    "round": smooth(symmetric([(0, -0.94), (0.62, -0.80), (1.0, -0.22), (0.96, 0.30), (0.60, 0.74), (0, 0.88)])),
    "wide": smooth(symmetric([(0, -0.86), (0.60, -0.78), (1.06, -0.20), (1.14, 0.30), (0.74, 0.74), (0, 0.84)])),
    "block": smooth(symmetric([(0, -0.90), (0.70, -0.86), (0.98, -0.50), (1.0, 0.30), (0.80, 0.72), (0.36, 0.88), (0, 0.88)])),
    "egg": smooth(symmetric([(0, -0.98), (0.66, -0.80), (0.98, -0.24), (0.86, 0.34), (0.46, 0.80), (0, 0.92)])),
    "gem": smooth(symmetric([(0, -0.92), (0.66, -0.80), (1.04, -0.20), (0.98, 0.16), (0.56, 0.66), (0, 0.98)]), sharp=(5,)),
}  # fmt: skip


def draw_hair_behind(pen: Pen, genes: Genes) -> None:
    """What falls behind the body."""
    _CREST_BEHIND.get(genes.crest, _nothing)(pen, genes)


def draw_head(pen: Pen, genes: Genes) -> None:
    skull = _SKULLS[genes.head]
    draw_hat_behind(pen, genes)
    draw_ears(pen, genes)
    pen.part(skull, genes.skin, depth=0.16, glint=0.06, line=1.15)
    _marking(pen, genes, skull)
    draw_face(pen, genes)
    _CRESTS[genes.crest](pen, genes)
    draw_hat_front(pen, genes)


def _marking(pen: Pen, genes: Genes, skull: Path) -> None:
    tint = mix(genes.skin, genes.main, 0.55)
    match genes.marking:
        case "stripes":
            for x in (-0.24, 0.0, 0.24):
                pen.inside(
                    skull, [smooth([(x - 0.08, -1.0), (x + 0.08, -1.0), (x * 0.8, -0.50)], sharp=(0, 1, 2))], tint
                )
            for side in (-1, 1):
                for y in (0.34, 0.50):
                    pen.inside(skull, [[(side * 1.2, y - 0.07), (side * 1.2, y + 0.07), (side * 0.70, y)]], tint)
        case "mask":
            for side in (-1, 1):
                pen.inside(skull, [ellipse(side * 0.44, 0.06, 0.40, 0.36, side * 0.04)], mix(genes.skin, WHITE, 0.55))
        case "scar" if genes.tribe.value == "devil":
            pen.outline([(0.62, -0.52), (0.82, 0.44)], line=0.8, ink=shade(genes.skin, 0.5), closed=False)
            for y in (-0.30, 0.36):
                pen.outline(
                    [(0.60 + y * 0.1, y), (0.86 + y * 0.1, y - 0.05)],
                    line=0.7,
                    ink=shade(genes.skin, 0.5),
                    closed=False,
                )
        case _:
            pass


# ---------------------------------------------------------------------------------------------- hair


def _spikes(pen: Pen, genes: Genes) -> None:
    points = [(-1.06, 0.02), (-1.26, -0.52), (-0.98, -0.54), (-1.02, -1.06), (-0.62, -0.92), (-0.44, -1.42), (-0.12, -1.02), (0.20, -1.50), (0.38, -0.98), (0.82, -1.24), (0.84, -0.74), (1.26, -0.72), (1.06, 0.02), (0.88, -0.34), (0.62, -0.26), (0.44, -0.56), (0.14, -0.30), (-0.10, -0.58), (-0.40, -0.28), (-0.60, -0.54), (-0.86, -0.28)]  # fmt: skip
    pen.part(smooth(points, sharp=range(21)), genes.hair, depth=0.12, glint=0.05, line=1.1)


def _flame(pen: Pen, genes: Genes) -> None:
    outer = smooth([(-1.0, -0.08), (-1.24, -0.70), (-0.92, -0.66), (-0.86, -1.30), (-0.48, -0.98), (-0.10, -1.78), (0.26, -1.10), (0.56, -1.44), (0.74, -0.90), (1.20, -1.04), (1.02, -0.06), (0.66, -0.52), (0.0, -0.66), (-0.66, -0.52)], sharp=(1, 3, 5, 7, 9, 0, 10))  # fmt: skip
    hot = genes.hair
    pen.part(outer, hot, depth=0.13, glint=0.05, line=1.1)
    pen.patch(smooth([(-0.62, -0.64), (-0.60, -0.96), (-0.30, -0.86), (-0.06, -1.36), (0.20, -0.92), (0.50, -1.12), (0.62, -0.66), (0.0, -0.74)], sharp=(1, 3, 5)), mix(hot, (1.0, 0.86, 0.30), 0.78))  # fmt: skip


def _mohawk(pen: Pen, genes: Genes) -> None:
    path = smooth(
        [
            (-0.28, -0.36),
            (-0.42, -1.02),
            (-0.30, -1.48),
            (-0.12, -1.22),
            (0.04, -1.70),
            (0.18, -1.24),
            (0.40, -1.46),
            (0.40, -0.96),
            (0.26, -0.36),
            (0.0, -0.24),
        ],
        sharp=(2, 4, 6, 9),
    )
    pen.part(path, genes.hair, depth=0.11, line=1.1)


def _mane_behind(pen: Pen, genes: Genes) -> None:
    pen.part(star(0, 0.02, 1.52, 1.12, 15, 0.5 / 30), genes.hair, depth=0.14, line=1.1)


def _mane(pen: Pen, genes: Genes) -> None:
    pen.part(
        smooth(
            [
                (-0.56, -0.84),
                (-0.34, -0.40),
                (-0.16, -0.66),
                (0.02, -0.30),
                (0.20, -0.66),
                (0.36, -0.42),
                (0.56, -0.84),
                (0.0, -1.14),
            ],
            sharp=range(7),
        ),
        genes.hair,
        depth=0.08,
    )


def _swoop(pen: Pen, genes: Genes) -> None:
    path = smooth([(-1.08, 0.06), (-1.10, -0.60), (-0.62, -1.12), (0.16, -1.28), (0.72, -1.56), (0.66, -1.14), (1.06, -0.74), (1.10, 0.04), (0.90, -0.34), (0.50, -0.58), (0.10, -0.30), (-0.62, -0.22), (-0.20, -0.52), (-0.70, -0.42)], sharp=(4, 7, 11, 0, 12))  # fmt: skip
    pen.part(path, genes.hair, depth=0.13, glint=0.06, line=1.1)


def _topknot(pen: Pen, genes: Genes) -> None:
    pen.part(limb([(0.0, -0.84), (0.0, -1.12)], [0.14, 0.12]), genes.hair, depth=0.05)
    pen.part(
        smooth(
            [(-0.10, -1.10), (-0.34, -1.30), (-0.22, -1.62), (0.06, -1.50), (0.34, -1.60), (0.30, -1.24), (0.10, -1.10)]
        ),
        genes.hair,
        depth=0.09,
    )
    pen.part(limb([(-0.14, -1.04), (0.14, -1.04)], [0.065, 0.065]), genes.main, depth=0.03, glint=0, line=0.9)
    pen.part(
        smooth(
            [
                (-0.98, -0.12),
                (-0.86, -0.72),
                (-0.40, -1.0),
                (0.40, -1.0),
                (0.86, -0.72),
                (0.98, -0.12),
                (0.70, -0.46),
                (0.0, -0.66),
                (-0.70, -0.46),
            ],
            sharp=(0, 5),
        ),
        genes.hair,
        depth=0.10,
    )


def _bob_behind(pen: Pen, genes: Genes) -> None:
    pen.part(
        smooth(
            symmetric([(0, -1.10), (0.78, -0.92), (1.20, -0.20), (1.24, 0.52), (0.98, 0.86), (0, 0.70)]), sharp=(4,)
        ),
        genes.hair,
        depth=0.12,
        line=1.1,
    )


def _bob(pen: Pen, genes: Genes) -> None:
    fringe = smooth([(-1.12, 0.30), (-1.10, -0.44), (-0.66, -1.0), (0.0, -1.12), (0.66, -1.0), (1.10, -0.44), (1.12, 0.30), (0.90, 0.12), (0.80, -0.26), (0.54, -0.20), (0.40, -0.42), (0.10, -0.22), (-0.14, -0.44), (-0.42, -0.20), (-0.60, -0.40), (-0.82, -0.22), (-0.92, 0.12)], sharp=(0, 6, 9, 11, 13, 15))  # fmt: skip
    pen.part(fringe, genes.hair, depth=0.10, glint=0.06, line=1.1)
    _gloss(pen, genes)


def _long_behind(pen: Pen, genes: Genes) -> None:
    pen.part(
        smooth(
            symmetric(
                [
                    (0, -1.10),
                    (0.80, -0.90),
                    (1.18, -0.10),
                    (1.10, 0.70),
                    (1.44, 1.30),
                    (1.0, 1.42),
                    (0.60, 1.74),
                    (0, 1.50),
                ]
            ),
            sharp=(4, 6),
        ),
        genes.hair,
        depth=0.14,
        line=1.1,
    )


def _curls_behind(pen: Pen, genes: Genes) -> None:
    for at in range(7):
        turn = math.pi * (0.92 + at * 0.193)
        pen.part(
            ellipse(1.0 * math.cos(turn), 0.05 + 0.98 * math.sin(turn), 0.36, 0.36), genes.hair, depth=0.10, line=1.0
        )
    for side in (-1, 1):
        pen.part(ellipse(side * 1.04, 0.44, 0.30, 0.30), genes.hair, depth=0.09, line=1.0)


def _curls(pen: Pen, genes: Genes) -> None:
    for x, y, reach in (
        (-0.66, -0.62, 0.32),
        (0.66, -0.62, 0.32),
        (-0.26, -0.74, 0.34),
        (0.28, -0.76, 0.34),
        (0.0, -0.96, 0.34),
    ):
        pen.part(ellipse(x, y, reach, reach * 0.9), genes.hair, depth=0.09, line=1.0)
    for x, y in ((-0.66, -0.60), (0.66, -0.60), (-0.24, -0.74), (0.28, -0.76)):
        pen.outline(
            [(x - 0.10, y), (x, y + 0.10), (x + 0.12, y), (x + 0.04, y - 0.10)],
            line=0.6,
            ink=shade(genes.hair, 0.5),
            closed=False,
        )


def _tuft(pen: Pen, genes: Genes) -> None:
    path = smooth(
        [
            (-0.40, -0.82),
            (-0.52, -1.18),
            (-0.22, -1.06),
            (-0.06, -1.50),
            (0.16, -1.08),
            (0.48, -1.26),
            (0.42, -0.82),
            (0.20, -0.50),
            (0.04, -0.72),
            (-0.18, -0.48),
        ],
        sharp=(1, 3, 5, 7, 9),
    )
    pen.part(path, genes.hair, depth=0.09)


def _bald(pen: Pen, genes: Genes) -> None:
    pen.inside(_SKULLS[genes.head], [ellipse(-0.36, -0.66, 0.20, 0.10, -0.08)], mix(genes.skin, WHITE, 0.75))


def _gloss(pen: Pen, genes: Genes) -> None:
    pen.patch(
        smooth(
            [(-0.70, -0.62), (-0.30, -0.86), (0.16, -0.88), (0.10, -0.78), (-0.28, -0.74), (-0.62, -0.52)], sharp=(0, 2)
        ),
        mix(genes.hair, WHITE, 0.65),
    )


def _nothing(_pen: Pen, _genes: Genes) -> None:
    return


_CREST_BEHIND = {"mane": _mane_behind, "bob": _bob_behind, "long": _long_behind, "curls": _curls_behind}
_CRESTS = {
    "spikes": _spikes, "flame": _flame, "mohawk": _mohawk, "mane": _mane, "bald": _bald, "swoop": _swoop,
    "topknot": _topknot, "bob": _bob, "long": _bob, "curls": _curls, "tuft": _tuft,
}  # fmt: skip
