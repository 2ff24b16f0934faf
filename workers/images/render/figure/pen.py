"""A pen that draws flat shapes as on an animation cel: fill, hard shadow, highlight, inked outline."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw

from workers.images.render.colour import INK, Colour, bytes_of, light, shade
from workers.images.render.figure.shapes import Point

_Matrix = tuple[float, float, float, float, float, float]


class Pen:
    """Draws in its own unit, `unit` pixels, from an origin that is the middle unless told.

    Places nest: inside `at(...)` all shapes are scaled, turned and moved together.
    """

    def __init__(self, size: tuple[int, int], unit: float, *, line: float, origin: Point | None = None) -> None:
        self.image = Image.new("RGBA", size, (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.image)
        self._line = line
        x, y = origin or (size[0] / 2, size[1] / 2)
        self._matrix: _Matrix = (unit, 0.0, x, 0.0, unit, y)

    @contextmanager
    def at(self, dx: float, dy: float, *, scale: float = 1.0, turn: float = 0.0, flip: bool = False) -> Generator[None]:
        """Everything inside is placed relative to (dx, dy); `turn` is in turns, clockwise."""
        before = self._matrix
        a, b, c, d, e, f = before
        cos, sin = math.cos(2 * math.pi * turn) * scale, math.sin(2 * math.pi * turn) * scale
        side = -1.0 if flip else 1.0
        self._matrix = (
            (a * cos + b * sin) * side,
            -a * sin + b * cos,
            a * dx + b * dy + c,
            (d * cos + e * sin) * side,
            -d * sin + e * cos,
            d * dx + e * dy + f,
        )
        yield
        self._matrix = before

    def _pixels(self, path: Sequence[Point]) -> list[Point]:
        a, b, c, d, e, f = self._matrix
        return [(a * x + b * y + c, d * x + e * y + f) for x, y in path]

    def _scale(self) -> float:
        a, b, _, d, e, _ = self._matrix
        return math.sqrt(abs(a * e - b * d))

    def part(
        self,
        path: Sequence[Point],
        fill: Colour,
        *,
        line: float = 1.0,
        depth: float = 0.10,
        glint: float = 0.045,
        dark: Colour | None = None,
        ink: Colour = INK,
    ) -> None:
        """One shape. `depth` and `glint` are the widths of shadow and highlight in units, `line` of the outline."""
        points = self._pixels(path)
        left, top, right, bottom = _box(points, self.image.size)
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", (right - left, bottom - top), 0)
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in points], fill=255)
        self.image.paste(bytes_of(fill), (left, top), mask)
        if depth > 0:
            self._crescent(mask, (left, top), dark or shade(fill), depth)
        if glint > 0:
            self._crescent(mask, (left, top), light(fill), -glint)
        if line > 0:
            self.outline(path, line=line, ink=ink)

    def _crescent(self, mask: Image.Image, corner: tuple[int, int], tint: Colour, reach: float) -> None:
        """The part of a shape that a copy of it, pushed towards (or from) the light, does not cover."""
        step = reach * self._scale()
        moved = Image.new("L", mask.size, 0)
        moved.paste(mask, (round(-step * 0.75), round(-step * 0.85)))
        self.image.paste(bytes_of(tint), corner, ImageChops.subtract(mask, moved))

    def patch(self, path: Sequence[Point], fill: Colour) -> None:
        """A shape without shadow or outline."""
        self._draw.polygon(self._pixels(path), fill=bytes_of(fill))

    def inside(self, outer: Sequence[Point], paths: Sequence[Sequence[Point]], fill: Colour) -> None:
        """Shapes, cut off where `outer` ends."""
        points = self._pixels(outer)
        left, top, right, bottom = _box(points, self.image.size)
        if right <= left or bottom <= top:
            return
        edge = Image.new("L", (right - left, bottom - top), 0)
        ImageDraw.Draw(edge).polygon([(x - left, y - top) for x, y in points], fill=255)
        mask = Image.new("L", edge.size, 0)
        draw = ImageDraw.Draw(mask)
        for path in paths:
            draw.polygon([(x - left, y - top) for x, y in self._pixels(path)], fill=255)
        self.image.paste(bytes_of(fill), (left, top), ImageChops.multiply(edge, mask))

    def outline(self, path: Sequence[Point], *, line: float = 1.0, ink: Colour = INK, closed: bool = True) -> None:
        """An inked line, thicker on the side away from the light."""
        points = self._pixels(path)
        if closed:
            points = [*points, points[0], points[1]]
        tint = bytes_of(ink)
        for (ax, ay), (bx, by) in pairwise(points):
            width = self._ink_width(bx - ax, by - ay, line)
            self._draw.line((ax, ay, bx, by), fill=tint, width=max(1, round(width)))
            half = width / 2
            self._draw.ellipse((bx - half, by - half, bx + half, by + half), fill=tint)

    def _ink_width(self, dx: float, dy: float, line: float) -> float:
        length = math.sqrt(dx * dx + dy * dy) or 1.0
        away = abs(dx) / length * 0.22
        return self._line * line * (0.92 + away)


def _box(points: Sequence[Point], size: tuple[int, int]) -> tuple[int, int, int, int]:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return (
        max(0, math.floor(min(xs)) - 1),
        max(0, math.floor(min(ys)) - 1),
        min(size[0], math.ceil(max(xs)) + 2),
        min(size[1], math.ceil(max(ys)) + 2),
    )
