"""Outlines as lists of points: smooth closed curves, ellipses, tapering limbs, stars."""

from __future__ import annotations

import math
from collections.abc import Sequence

Point = tuple[float, float]
Path = list[Point]

_STEPS = 8


def smooth(points: Sequence[Point], sharp: Sequence[int] = ()) -> Path:
    """A closed curve through the points; those at the `sharp` indices stay corners."""
    count, corners = len(points), {index % len(points) for index in sharp}
    path: Path = []
    for index in range(count):
        before, start, end, after = (points[(index + step) % count] for step in (-1, 0, 1, 2))
        out = _tangent(before, end) if index not in corners else (0.0, 0.0)
        into = _tangent(start, after) if (index + 1) % count not in corners else (0.0, 0.0)
        path += [_hermite(start, end, out, into, step / _STEPS) for step in range(_STEPS)]
    return path


def stroke(points: Sequence[Point]) -> Path:
    """An open curve through the points."""
    path: Path = []
    for index in range(len(points) - 1):
        start, end = points[index], points[index + 1]
        before = points[index - 1] if index else start
        after = points[index + 2] if index + 2 < len(points) else end
        out, into = _tangent(before, end), _tangent(start, after)
        path += [_hermite(start, end, out, into, step / _STEPS) for step in range(_STEPS)]
    return [*path, points[-1]]


def _tangent(before: Point, after: Point) -> Point:
    return ((after[0] - before[0]) / 2, (after[1] - before[1]) / 2)


def _hermite(start: Point, end: Point, out: Point, into: Point, t: float) -> Point:
    a, b = 2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t
    c, d = -2 * t**3 + 3 * t**2, t**3 - t**2
    return (
        a * start[0] + b * out[0] + c * end[0] + d * into[0],
        a * start[1] + b * out[1] + c * end[1] + d * into[1],
    )


def ellipse(cx: float, cy: float, rx: float, ry: float, turn: float = 0.0, steps: int = 40) -> Path:
    path = [(rx * math.cos(2 * math.pi * i / steps), ry * math.sin(2 * math.pi * i / steps)) for i in range(steps)]
    return moved(path, cx, cy, turn=turn)


def moved(path: Sequence[Point], dx: float, dy: float, *, scale: float = 1.0, turn: float = 0.0) -> Path:
    """Scaled and turned about the origin (turns, clockwise), then moved."""
    cos, sin = math.cos(2 * math.pi * turn) * scale, math.sin(2 * math.pi * turn) * scale
    return [(dx + x * cos - y * sin, dy + x * sin + y * cos) for x, y in path]


def symmetric(half: Sequence[Point]) -> list[Point]:
    """The right half from top to bottom, completed by its mirror image; points on the axis are not doubled."""
    return [*half, *((-x, y) for x, y in reversed(half) if abs(x) > 1e-6)]


def limb(spine: Sequence[Point], widths: Sequence[float], *, round_end: bool = True) -> Path:
    """A tube along a curve; half widths are given at each point of the spine."""
    line = stroke(spine)
    left: Path = []
    right: Path = []
    for index, (x, y) in enumerate(line):
        ax, ay = line[max(0, index - 1)]
        bx, by = line[min(len(line) - 1, index + 1)]
        length = math.hypot(bx - ax, by - ay) or 1e-6
        nx, ny = -(by - ay) / length, (bx - ax) / length
        width = _width(widths, index / (len(line) - 1))
        left.append((x + nx * width, y + ny * width))
        right.append((x - nx * width, y - ny * width))
    return left + (_cap(line, widths[-1]) if round_end else []) + right[::-1]


def _width(widths: Sequence[float], t: float) -> float:
    place = t * (len(widths) - 1)
    index = min(int(place), len(widths) - 2)
    return widths[index] + (widths[index + 1] - widths[index]) * (place - index)


def _cap(line: Path, width: float) -> Path:
    (ax, ay), (bx, by) = line[-2], line[-1]
    heading = math.atan2(by - ay, bx - ax)
    turns = [heading + math.pi / 2 - math.pi * step / 8 for step in range(1, 8)]
    return [(bx + width * math.cos(t), by + width * math.sin(t)) for t in turns]


def star(cx: float, cy: float, outer: float, inner: float, points: int, turn: float = 0.0) -> Path:
    path: Path = []
    for step in range(points * 2):
        reach = outer if step % 2 == 0 else inner
        at = math.pi * step / points - math.pi / 2 + turn * 2 * math.pi
        path.append((cx + reach * math.cos(at), cy + reach * math.sin(at)))
    return path


def polygon(cx: float, cy: float, reach: float, corners: int, turn: float = 0.0) -> Path:
    at = [2 * math.pi * (step / corners + turn) - math.pi / 2 for step in range(corners)]
    return [(cx + reach * math.cos(t), cy + reach * math.sin(t)) for t in at]
