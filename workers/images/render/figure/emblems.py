"""Small signs of an element: on belts, charms, shields and foreheads."""

from __future__ import annotations

from workers.images.render.colour import Colour
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import Path, ellipse, moved, smooth, star

_FLAME = smooth(
    [(0, 1.0), (-0.75, 0.45), (-0.55, -0.35), (-0.2, -0.1), (0.05, -1.05), (0.45, -0.3), (0.6, -0.5), (0.75, 0.4)],
    sharp=(2, 4, 6),
)
_DROP = smooth([(0, -1.0), (0.55, 0.05), (0.45, 0.75), (0, 0.98), (-0.45, 0.75), (-0.55, 0.05)], sharp=(0,))
_BOLT: Path = [(0.25, -1.0), (-0.65, 0.15), (-0.1, 0.15), (-0.35, 1.0), (0.65, -0.25), (0.08, -0.25), (0.55, -1.0)]
_LEAF = smooth(
    [
        (0, -1.0),
        (0.62, -0.25),
        (0.5, 0.5),
        (0.08, 0.75),
        (0.08, 1.0),
        (-0.08, 1.0),
        (-0.08, 0.75),
        (-0.5, 0.5),
        (-0.62, -0.25),
    ],
    sharp=(0, 4, 5),
)
_MOON = smooth(
    [(0.35, -0.95), (-0.5, -0.8), (-0.95, 0.0), (-0.5, 0.8), (0.35, 0.95), (-0.15, 0.5), (-0.3, 0.0), (-0.15, -0.5)],
    sharp=(0, 4),
)
_HEART = smooth(
    [(0, -0.45), (0.45, -0.85), (0.95, -0.4), (0.75, 0.2), (0, 0.95), (-0.75, 0.2), (-0.95, -0.4), (-0.45, -0.85)],
    sharp=(0, 4),
)
_EMBLEMS: dict[str, Path] = {
    "flame": _FLAME,
    "drop": _DROP,
    "bolt": _BOLT,
    "leaf": _LEAF,
    "moon": _MOON,
    "heart": _HEART,
    "star": star(0, 0.05, 1.05, 0.45, 5),
    "sun": star(0, 0, 1.0, 0.66, 8),
}


def draw_emblem(pen: Pen, motif: str, x: float, y: float, reach: float, tint: Colour) -> None:
    path = moved(_EMBLEMS.get(motif, ellipse(0, 0, 0.8, 0.8)), x, y, scale=reach)
    pen.part(path, tint, depth=reach * 0.22 if reach > 0.15 else 0, glint=0, line=0.55)
