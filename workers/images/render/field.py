"""Pictures as arrays: coordinates, noise and waves from exact operations only, so that every processor agrees."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from workers.images.render.colour import Colour

Plane: TypeAlias = npt.NDArray[np.floating[Any]]
"""Height x width, or 3 x height x width for colours; values 0 … 1 where they are colours or masks.

Always float32; the wider type spares casts, since the stubs widen after every power and maximum.
"""
Bytes: TypeAlias = npt.NDArray[np.uint8]

_SINES: Plane = np.array([round(math.sin(2 * math.pi * step / 4096), 6) for step in range(4096)], dtype=np.float32)


@lru_cache(maxsize=4)
def grid(size: int) -> tuple[Plane, Plane]:
    """X as a row and y as a column, 0 … 1, at the middle of each pixel."""
    steps = (np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    return steps[None, :], steps[:, None]


def wave(turns: Plane) -> Plane:
    """sin(2π·turns), from a table: library sines differ between processors."""
    index = np.floor((turns - np.floor(turns)) * np.float32(4096)).astype(np.int32) & 4095
    return _SINES[index]


def fraction(values: Plane) -> Plane:
    return values - np.floor(values)


def clip(values: Plane) -> Plane:
    return np.clip(values, np.float32(0), np.float32(1))


def ramp(values: Plane, low: float, high: float) -> Plane:
    """Smoothstep: 0 at `low`, 1 at `high`; the other way round if low > high."""
    t = clip((values - np.float32(low)) / np.float32(high - low))
    return t * t * (np.float32(3) - np.float32(2) * t)


def angle(x: Plane, y: Plane) -> Plane:
    """The direction of (x, y) in turns, 0 … 1, by a polynomial that is exact to a pixel."""
    ax, ay = np.abs(x), np.abs(y)
    low, high = np.minimum(ax, ay), np.maximum(np.maximum(ax, ay), np.float32(1e-9))
    t = low / high
    s = t * t
    arc = ((np.float32(-0.0464964749) * s + np.float32(0.15931422)) * s - np.float32(0.327622764)) * s * t + t
    turns = arc * np.float32(1 / (2 * math.pi))
    turns = np.where(ay > ax, np.float32(0.25) - turns, turns)
    turns = np.where(x < 0, np.float32(0.5) - turns, turns)
    return np.where(y < 0, np.float32(1) - turns, turns)


def noise(height: int, width: int, seed: int) -> Plane:
    """White noise 0 … 1, a hash of place and seed."""
    rows = np.arange(height, dtype=np.uint32)[:, None] * np.uint32(0x9E3779B1)
    columns = np.arange(width, dtype=np.uint32)[None, :] * np.uint32(0x85EBCA77)
    h = (rows ^ columns) + np.uint32(seed & 0xFFFFFFFF)
    for shift, factor in ((15, 0x2C1B3C6D), (12, 0x297A2D39)):
        h = (h ^ (h >> np.uint32(shift))) * np.uint32(factor)
    h ^= h >> np.uint32(15)
    return (h >> np.uint32(8)).astype(np.float32) * np.float32(1 / (1 << 24))


def flat(base: Colour) -> Plane:
    """A colour as an array that spreads over a picture."""
    return np.array(base, dtype=np.float32).reshape(3, 1, 1)


def rainbow(hue: Plane, saturation: Plane | float, value: Plane | float) -> Plane:
    """HSV to colours; hue in turns, any real number."""
    h = fraction(hue)
    s, v = np.asarray(saturation, dtype=np.float32), np.asarray(value, dtype=np.float32)
    colours = np.empty((3, *h.shape), dtype=np.float32)
    for channel, shift in enumerate((0.0, 2 / 3, 1 / 3)):
        turned = h + np.float32(shift)
        turned -= turned >= np.float32(1)
        wheel = np.abs(turned * np.float32(6) - np.float32(3)) - np.float32(2)
        np.clip(wheel, -1, 0, out=wheel)
        colours[channel] = v + v * s * wheel
    return colours


def stops(t: Plane, colours: list[tuple[float, Colour]]) -> Plane:
    """A gradient through (place, colour) stops."""
    table = np.array([_stop(step / 1023, colours) for step in range(1024)], dtype=np.float32)
    index = (clip(t) * np.float32(1023)).astype(np.int32)
    return np.stack([channel[index] for channel in table.T])


def _stop(place: float, colours: list[tuple[float, Colour]]) -> Colour:
    for (start, first), (end, second) in pairwise(colours):
        if place <= end:
            share = 0.0 if end == start else max(0.0, (place - start) / (end - start))
            a, b, c = (one + (two - one) * share for one, two in zip(first, second, strict=True))
            return (a, b, c)
    return colours[-1][1]


def lay(below: Plane, above: Plane, cover: Plane | float) -> None:
    """Put `above` over `below`, in place; `cover` is a mask or one number."""
    difference = above - below
    difference *= np.asarray(cover, dtype=np.float32)
    below += difference


def overlay(below: Plane, above: Plane) -> Plane:
    """The overlay blend: dark places stay dark, light ones light."""
    dark = np.float32(2) * below * above
    lit = np.float32(1) - np.float32(2) * (np.float32(1) - below) * (np.float32(1) - above)
    return np.where(below < np.float32(0.5), dark, lit)


def screen(below: Plane, above: Plane) -> Plane:
    return np.float32(1) - (np.float32(1) - below) * (np.float32(1) - above)


def spread(mask: Bytes, radius: int) -> Bytes:
    """Dilation by a disc of `radius` pixels; grey edges stay soft."""
    grown = mask.copy()
    widths = {dy: math.isqrt(radius * radius - dy * dy) for dy in range(radius + 1)}
    runs = {0: mask}
    for width in range(1, radius + 1):
        runs[width] = _run(runs[width - 1], mask, width)
    for dy, width in widths.items():
        run = runs[width]
        if dy == 0:
            np.maximum(grown, run, out=grown)
        else:
            np.maximum(grown[dy:], run[:-dy], out=grown[dy:])
            np.maximum(grown[:-dy], run[dy:], out=grown[:-dy])
    return grown


def _run(narrower: Bytes, mask: Bytes, width: int) -> Bytes:
    wide = narrower.copy()
    np.maximum(wide[:, width:], mask[:, :-width], out=wide[:, width:])
    np.maximum(wide[:, :-width], mask[:, width:], out=wide[:, :-width])
    return wide
