"""Ears, in the head's space."""

from __future__ import annotations

from workers.images.render.colour import WHITE, mix
from workers.images.render.figure.genes import Genes
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import Path, ellipse, moved, smooth


def draw_ears(pen: Pen, genes: Genes) -> None:
    _EARS[genes.ears](pen, genes)


def _ear(pen: Pen, genes: Genes, outer: Path, inner: Path) -> None:
    for flip in (False, True):
        with pen.at(0.0, 0.0, flip=flip):
            pen.part(outer, genes.skin, depth=0.09, line=1.05)
            pen.part(inner, mix(genes.skin, genes.main, 0.45), depth=0.05, glint=0, line=0.6)


def _pointed(pen: Pen, genes: Genes) -> None:
    outer = smooth([(0.82, -0.26), (1.20, -0.42), (1.66, -0.46), (1.40, -0.02), (0.88, 0.28)], sharp=(2,))
    _ear(
        pen,
        genes,
        outer,
        smooth([(0.96, -0.14), (1.22, -0.27), (1.48, -0.35), (1.28, -0.04), (0.96, 0.12)], sharp=(2,)),
    )


def _fin(pen: Pen, genes: Genes) -> None:
    outer = smooth(
        [(0.82, -0.36), (1.50, -0.62), (1.34, -0.26), (1.62, -0.06), (1.32, 0.10), (1.40, 0.42), (0.84, 0.34)],
        sharp=(1, 3, 5),
    )
    _ear(pen, genes, outer, moved(outer, 0.30, -0.01, scale=0.66))


def _bat_ear(pen: Pen, genes: Genes) -> None:
    outer = smooth([(0.50, -0.72), (0.86, -1.10), (1.42, -1.22), (1.36, -0.60), (1.0, -0.02)], sharp=(2,))
    _ear(pen, genes, outer, moved(outer, 0.30, -0.16, scale=0.68))


def _cat(pen: Pen, genes: Genes) -> None:
    outer = smooth([(0.22, -0.84), (0.50, -1.16), (0.92, -1.38), (1.04, -0.94), (0.98, -0.30)], sharp=(2,))
    _ear(
        pen,
        genes,
        outer,
        smooth([(0.46, -0.86), (0.62, -1.04), (0.86, -1.16), (0.92, -0.86), (0.86, -0.56)], sharp=(2,)),
    )


def _bear(pen: Pen, genes: Genes) -> None:
    _ear(pen, genes, ellipse(0.78, -0.78, 0.36, 0.36), ellipse(0.80, -0.80, 0.20, 0.20))


def _rabbit(pen: Pen, genes: Genes) -> None:
    outer = smooth([(0.16, -0.80), (0.22, -1.40), (0.52, -1.86), (0.80, -1.62), (0.74, -1.10), (0.60, -0.70)])
    _ear(pen, genes, outer, moved(outer, 0.17, -0.42, scale=0.62))


def _winged(pen: Pen, _genes: Genes) -> None:
    for flip in (False, True):
        with pen.at(0.90, -0.10, flip=False) if not flip else pen.at(-0.90, -0.10, flip=True):
            for turn, reach in ((0.0, 0.62), (-0.07, 0.74), (-0.14, 0.66)):
                feather = smooth(
                    [(0, -0.10), (reach * 0.6, -0.15), (reach, -0.02), (reach * 0.6, 0.10), (0, 0.10)], sharp=(2,)
                )
                pen.part(moved(feather, 0, 0, turn=turn), WHITE, depth=0.05, glint=0, line=0.85)


def _nothing(_pen: Pen, _genes: Genes) -> None:
    return


_EARS = {
    "pointed": _pointed, "fin": _fin, "bat": _bat_ear, "cat": _cat, "bear": _bear, "round": _bear,
    "rabbit": _rabbit, "winged": _winged, "none": _nothing,
}  # fmt: skip
