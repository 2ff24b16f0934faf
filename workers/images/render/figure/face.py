"""Eyes, brows, mouth: what makes a devil fierce, a guardian kind and an angel bright."""

from __future__ import annotations

from workers.images.render.colour import INK, WHITE, mix, shade
from workers.images.render.figure.genes import Genes
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import Path, ellipse, smooth, symmetric
from workers.images.render.spec import Tribe

_BLUSH = (1.0, 0.45, 0.50)
_MOUTH = (0.45, 0.03, 0.12)
_TONGUE = (0.98, 0.40, 0.46)


def draw_face(pen: Pen, genes: Genes) -> None:
    if genes.tribe is not Tribe.DEVIL:
        for side in (-1, 1):
            pen.patch(ellipse(side * 0.66, 0.36, 0.17, 0.10), mix(genes.skin, _BLUSH, 0.62))
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            _EYES[genes.eyes](pen, genes, flip)
    _nose(pen, genes)
    _MOUTHS[genes.mouth](pen, genes)


def _nose(pen: Pen, genes: Genes) -> None:
    if genes.tribe is Tribe.DEVIL:
        pen.patch(
            smooth([(-0.10, 0.26), (0.0, 0.22), (0.10, 0.26), (0.0, 0.34)], sharp=(0, 2)), shade(genes.skin, 0.55)
        )
    elif genes.ears in {"cat", "bear", "rabbit"}:
        pen.part(smooth([(-0.09, 0.22), (0.09, 0.22), (0.0, 0.32)]), INK, depth=0, glint=0, line=0.4)


def _shines(pen: Pen, x: float, y: float, reach: float, *, flip: bool) -> None:
    """Highlights sit on the same side of both eyes, where the light is."""
    side = 1 if flip else -1
    pen.patch(ellipse(x + side * reach * 0.42, y - reach * 0.50, reach * 0.40, reach * 0.46), WHITE)
    pen.patch(ellipse(x - side * reach * 0.40, y + reach * 0.52, reach * 0.20, reach * 0.22), WHITE)


# ---------------------------------------------------------------------------------------------- eyes


def _brow(pen: Pen, genes: Genes, path: Path) -> None:
    pen.part(path, genes.hair if genes.hair != genes.skin else INK, depth=0.03, glint=0, line=0.8)


def _glare(pen: Pen, genes: Genes, flip: bool) -> None:  # noqa: FBT001 - one table of eyes
    white = smooth([(0.12, 0.04), (0.44, -0.20), (0.80, -0.30), (0.76, 0.08), (0.46, 0.26), (0.20, 0.20)], sharp=(0, 2))
    pen.part(white, (1.0, 0.98, 0.78), depth=0, glint=0, line=1.0)
    pen.inside(white, [ellipse(0.44, 0.01, 0.19, 0.21)], genes.eye)
    pen.inside(white, [ellipse(0.43, 0.01, 0.10, 0.13)], INK)
    pen.patch(ellipse(0.44 + (0.07 if flip else -0.07), -0.06, 0.055, 0.06), WHITE)
    _brow(
        pen,
        genes,
        smooth([(0.05, 0.02), (0.16, -0.16), (0.50, -0.38), (0.96, -0.54), (0.80, -0.28), (0.46, -0.18)], sharp=(0, 3)),
    )


def _slit(pen: Pen, genes: Genes, flip: bool) -> None:  # noqa: FBT001
    eye = smooth([(0.12, 0.10), (0.40, -0.22), (0.80, -0.28), (0.82, 0.02), (0.52, 0.24)], sharp=(0, 2))
    pen.part(eye, mix(genes.eye, (1.0, 0.95, 0.2), 0.72), depth=0, glint=0, line=1.1)
    pen.inside(eye, [smooth([(0.48, -0.26), (0.56, 0.0), (0.48, 0.28), (0.40, 0.0)], sharp=(0, 2))], INK)
    pen.patch(ellipse(0.58 if flip else 0.36, -0.10, 0.06, 0.055), WHITE)
    _brow(pen, genes, smooth([(0.04, 0.04), (0.22, -0.24), (0.94, -0.56), (0.84, -0.28), (0.42, -0.20)], sharp=(0, 2)))


def _fierce(pen: Pen, genes: Genes, flip: bool) -> None:  # noqa: FBT001
    eye = smooth([(0.14, -0.04), (0.76, -0.26), (0.80, 0.06), (0.52, 0.32), (0.22, 0.24)], sharp=(0, 1))
    pen.part(eye, WHITE, depth=0, glint=0, line=1.1)
    pen.inside(eye, [ellipse(0.45, 0.06, 0.22, 0.25)], INK)
    pen.inside(eye, [ellipse(0.45, 0.13, 0.16, 0.14)], genes.eye)
    pen.patch(ellipse(0.45 + (0.09 if flip else -0.09), -0.04, 0.075, 0.075), WHITE)
    _brow(pen, genes, smooth([(0.08, 0.0), (0.16, -0.18), (0.90, -0.48), (0.82, -0.24)], sharp=(0, 2)))


def _round(pen: Pen, genes: Genes, flip: bool) -> None:  # noqa: FBT001
    pen.part(ellipse(0.42, 0.02, 0.25, 0.31), WHITE, depth=0, glint=0, line=1.0)
    ball = ellipse(0.40, 0.05, 0.185, 0.245)
    pen.patch(ball, INK)
    pen.inside(ball, [ellipse(0.40, 0.20, 0.15, 0.13)], genes.eye)
    _shines(pen, 0.40, 0.05, 0.19, flip=flip)
    pen.part(
        smooth([(0.22, -0.44), (0.42, -0.54), (0.64, -0.44), (0.42, -0.45)], sharp=(0, 2)),
        INK,
        depth=0,
        glint=0,
        line=0.3,
    )


def _button(pen: Pen, _genes: Genes, flip: bool) -> None:  # noqa: FBT001
    pen.patch(ellipse(0.42, 0.04, 0.17, 0.23), INK)
    _shines(pen, 0.42, 0.04, 0.18, flip=flip)
    pen.part(ellipse(0.42, -0.38, 0.10, 0.065), INK, depth=0, glint=0, line=0.2)


def _shine(pen: Pen, genes: Genes, flip: bool) -> None:  # noqa: FBT001
    ball = smooth([(0.20, 0.02), (0.28, -0.24), (0.48, -0.30), (0.66, -0.18), (0.66, 0.12), (0.54, 0.34), (0.34, 0.34)])
    pen.part(ball, genes.eye, depth=0, glint=0, line=1.1)
    pen.inside(ball, [ellipse(0.44, -0.12, 0.30, 0.24)], shade(genes.eye, 0.55))
    pen.inside(ball, [ellipse(0.44, 0.02, 0.11, 0.15)], INK)
    pen.inside(ball, [ellipse(0.44, 0.30, 0.15, 0.09)], mix(genes.eye, WHITE, 0.6))
    _shines(pen, 0.44, 0.0, 0.22, flip=flip)
    pen.part(
        smooth(
            [(0.16, -0.16), (0.32, -0.36), (0.60, -0.36), (0.84, -0.22), (0.62, -0.24), (0.36, -0.26)], sharp=(0, 3)
        ),
        INK,
        depth=0,
        glint=0,
        line=0.5,
    )


def _bright(pen: Pen, genes: Genes, flip: bool) -> None:  # noqa: FBT001
    eye = smooth([(0.18, 0.04), (0.26, -0.22), (0.48, -0.32), (0.72, -0.20), (0.72, 0.12), (0.48, 0.30), (0.26, 0.22)])
    pen.part(eye, WHITE, depth=0, glint=0, line=0.7)
    pen.inside(eye, [ellipse(0.46, 0.0, 0.19, 0.27)], genes.eye)
    pen.inside(eye, [ellipse(0.46, -0.12, 0.19, 0.17)], shade(genes.eye, 0.6))
    pen.inside(eye, [ellipse(0.46, 0.0, 0.09, 0.12)], INK)
    _shines(pen, 0.46, 0.0, 0.20, flip=flip)
    pen.part(
        smooth(
            [
                (0.12, -0.08),
                (0.24, -0.32),
                (0.48, -0.42),
                (0.78, -0.32),
                (0.98, -0.34),
                (0.80, -0.16),
                (0.70, -0.22),
                (0.48, -0.31),
                (0.28, -0.22),
            ],
            sharp=(0, 4),
        ),
        INK,
        depth=0,
        glint=0,
        line=0.4,
    )
    pen.part(
        smooth([(0.20, -0.50), (0.46, -0.60), (0.74, -0.50), (0.46, -0.53)], sharp=(0, 2)),
        shade(genes.hair, 0.45),
        depth=0,
        glint=0,
        line=0.3,
    )


def _calm(pen: Pen, genes: Genes, flip: bool) -> None:  # noqa: FBT001
    eye = smooth([(0.16, 0.04), (0.44, -0.14), (0.76, -0.04), (0.70, 0.16), (0.44, 0.28), (0.24, 0.20)], sharp=(0, 2))
    pen.part(eye, WHITE, depth=0, glint=0, line=0.8)
    pen.inside(eye, [ellipse(0.46, 0.06, 0.17, 0.21)], genes.eye)
    pen.inside(eye, [ellipse(0.46, 0.04, 0.09, 0.12)], INK)
    pen.patch(ellipse(0.46 + (0.08 if flip else -0.08), -0.02, 0.065, 0.07), WHITE)
    pen.part(
        smooth([(0.10, 0.06), (0.42, -0.22), (0.92, -0.10), (0.76, -0.03), (0.44, -0.11)], sharp=(0, 2)),
        INK,
        depth=0,
        glint=0,
        line=0.4,
    )
    pen.part(
        smooth([(0.18, -0.32), (0.46, -0.44), (0.80, -0.34), (0.46, -0.36)], sharp=(0, 2)),
        shade(genes.hair, 0.45),
        depth=0,
        glint=0,
        line=0.3,
    )


# ---------------------------------------------------------------------------------------------- mouths


def _teeth(pen: Pen, mouth: Path, xs: tuple[float, ...], top: float, drop: float, half: float) -> None:
    pen.inside(
        mouth,
        [
            [(x - half, top - 0.1), (x + half, top - 0.1), (x + half * 0.2, top + drop), (x - half * 0.2, top + drop)]
            for x in xs
        ],
        WHITE,
    )


def _grin(pen: Pen, _genes: Genes) -> None:
    mouth = smooth(
        [(-0.56, 0.34), (-0.24, 0.46), (0.24, 0.46), (0.56, 0.34), (0.44, 0.64), (0.0, 0.76), (-0.44, 0.64)],
        sharp=(0, 3),
    )
    pen.part(mouth, WHITE, depth=0, glint=0, line=1.0)
    for x in (-0.36, -0.18, 0.0, 0.18, 0.36):
        pen.outline([(x, 0.44), (x * 0.94, 0.72 - abs(x) * 0.16)], line=0.5, closed=False)
    pen.outline([(-0.48, 0.54), (0.0, 0.60), (0.48, 0.54)], line=0.5, closed=False)
    pen.outline(mouth, line=1.0)


def _fangs(pen: Pen, _genes: Genes) -> None:
    mouth = smooth([(-0.50, 0.40), (0.0, 0.48), (0.50, 0.40), (0.30, 0.62), (0.0, 0.68), (-0.30, 0.62)], sharp=(0, 2))
    pen.part(mouth, _MOUTH, depth=0, glint=0, line=1.0)
    pen.inside(mouth, [ellipse(0, 0.68, 0.20, 0.10)], _TONGUE)
    for side in (-1, 1):
        pen.part(
            smooth([(side * 0.20, 0.44), (side * 0.38, 0.42), (side * 0.30, 0.72)], sharp=(0, 1, 2)),
            WHITE,
            depth=0,
            glint=0,
            line=0.75,
        )


def _roar(pen: Pen, _genes: Genes) -> None:
    mouth = smooth([(-0.44, 0.42), (0.0, 0.36), (0.44, 0.42), (0.40, 0.72), (0.0, 0.86), (-0.40, 0.72)])
    pen.part(mouth, _MOUTH, depth=0, glint=0, line=1.0)
    pen.inside(mouth, [ellipse(0, 0.82, 0.26, 0.15)], _TONGUE)
    _teeth(pen, mouth, (-0.32, -0.12, 0.12, 0.32), 0.44, 0.10, 0.09)
    for side in (-1, 1):
        pen.inside(mouth, [[(side * 0.20, 0.95), (side * 0.40, 0.95), (side * 0.28, 0.60)]], WHITE)
    pen.outline(mouth, line=1.0)


def _smirk(pen: Pen, _genes: Genes) -> None:
    mouth = smooth([(-0.34, 0.52), (0.10, 0.52), (0.54, 0.32), (0.40, 0.62), (0.06, 0.70)], sharp=(0, 2))
    pen.part(mouth, WHITE, depth=0, glint=0, line=1.0)
    for x, y in ((-0.08, 0.58), (0.10, 0.60), (0.26, 0.56)):
        pen.outline([(x, y - 0.07), (x, y + 0.07)], line=0.5, closed=False)
    pen.part([(0.30, 0.44), (0.46, 0.37), (0.42, 0.68)], WHITE, depth=0, glint=0, line=0.75)


def _cat(pen: Pen, _genes: Genes) -> None:
    for side in (-1, 1):
        pen.outline(
            smooth([(0, 0.40), (side * 0.10, 0.54), (side * 0.26, 0.52), (side * 0.32, 0.40)])[:25],
            line=0.95,
            closed=False,
        )
    pen.part(smooth([(-0.09, 0.55), (0.09, 0.55), (0.0, 0.72)]), _TONGUE, depth=0, glint=0, line=0.8)


def _laugh(pen: Pen, _genes: Genes) -> None:
    mouth = smooth([(-0.36, 0.38), (0.0, 0.42), (0.36, 0.38), (0.26, 0.66), (0.0, 0.78), (-0.26, 0.66)], sharp=(0, 2))
    pen.part(mouth, _MOUTH, depth=0, glint=0, line=1.0)
    pen.inside(mouth, [ellipse(0, 0.74, 0.20, 0.15)], _TONGUE)
    pen.inside(mouth, [[(-0.24, 0.3), (0.24, 0.3), (0.20, 0.47), (-0.20, 0.47)]], WHITE)
    pen.outline(mouth, line=1.0)


def _tongue(pen: Pen, _genes: Genes) -> None:
    pen.part(
        smooth([(0.02, 0.52), (0.22, 0.48), (0.24, 0.68), (0.12, 0.74), (0.03, 0.66)]),
        _TONGUE,
        depth=0.03,
        glint=0,
        line=0.85,
    )
    pen.part(
        smooth([(-0.34, 0.42), (0.0, 0.52), (0.34, 0.42), (0.0, 0.56)], sharp=(0, 2)), INK, depth=0, glint=0, line=0.5
    )


def _small(pen: Pen, _genes: Genes) -> None:
    mouth = smooth(symmetric([(0, 0.44), (0.14, 0.44), (0.11, 0.60), (0, 0.64)]))
    pen.part(mouth, _MOUTH, depth=0, glint=0, line=0.9)
    pen.inside(mouth, [ellipse(0, 0.62, 0.09, 0.06)], _TONGUE)


def _smile(pen: Pen, _genes: Genes) -> None:
    mouth = smooth([(-0.28, 0.42), (0.0, 0.48), (0.28, 0.42), (0.0, 0.66)], sharp=(0, 2))
    pen.part(mouth, _MOUTH, depth=0, glint=0, line=0.9)
    pen.inside(mouth, [[(-0.18, 0.36), (0.18, 0.36), (0.14, 0.50), (-0.14, 0.50)]], WHITE)
    pen.outline(mouth, line=0.9)


def _sing(pen: Pen, _genes: Genes) -> None:
    mouth = ellipse(0, 0.54, 0.15, 0.18)
    pen.part(mouth, _MOUTH, depth=0, glint=0, line=0.95)
    pen.inside(mouth, [ellipse(0, 0.68, 0.12, 0.09)], _TONGUE)


_EYES = {
    "glare": _glare, "slit": _slit, "fierce": _fierce, "round": _round, "button": _button, "shine": _shine,
    "bright": _bright, "calm": _calm,
}  # fmt: skip
_MOUTHS = {
    "grin": _grin, "fangs": _fangs, "roar": _roar, "smirk": _smirk, "cat": _cat, "laugh": _laugh,
    "tongue": _tongue, "small": _small, "smile": _smile, "sing": _sing,
}  # fmt: skip
