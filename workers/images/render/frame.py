"""Layer 10: the frame in the tribe's colour with its ornaments; a head's is bevelled metal."""

from __future__ import annotations

import numpy as np

from workers.images.render.colour import GOLD, INK, LIVERIES, WHITE, Colour, light, mix, shade
from workers.images.render.field import Plane, flat, lay, stops
from workers.images.render.figure.pen import Pen
from workers.images.render.figure.shapes import Path, ellipse, limb, moved, smooth
from workers.images.render.layer import Box, Sheet
from workers.images.render.spec import Tier, Tribe

AUTO = {Tribe.DEVIL: "chain", Tribe.GUARDIAN: "rope", Tribe.ANGEL: "feather", Tribe.PLAIN: "plain"}
BORDER = 0.02
"""Width of the outer band, as a share of the side."""


def lay_frame(sheet: Sheet, kind: str, tribe: Tribe, tier: Tier) -> None:
    size = sheet.size
    inset = _inset(size)
    for box in _edges(size, 0.04):
        _band(sheet.part(box), inset[box[1] : box[3], box[0] : box[2]], box, size, tribe, tier)
    _ornaments(sheet, kind, tribe, tier)


def _edges(size: int, width: float) -> list[Box]:
    """Four strips along the sides, without overlap."""
    near = round(size * width)
    far = size - near
    return [(0, 0, size, near), (0, far, size, size), (0, near, near, far), (far, near, size, far)]


def _band(strip: Sheet, inset: Plane, box: Box, size: int, tribe: Tribe, tier: Tier) -> None:
    band = np.clip((np.float32(BORDER) - inset) * np.float32(size) + np.float32(0.5), 0, 1)
    strip.lay(_metal(box, size, tier) if tier else flat(LIVERIES[tribe].main), band)
    if tier is Tier.HEAD:
        _bevel(strip.colours, inset, box, size)
    for middle, width, tint in ((BORDER, 0.0030, INK), (BORDER + 0.0085, 0.0018, _hairline(tier)), (0.0, 0.0022, INK)):
        line = np.clip((np.float32(width) - np.abs(inset - np.float32(middle))) * np.float32(size), 0, 1)
        lay(strip.colours, flat(tint), line)


def corner_mask(size: int) -> Plane:
    """1 inside the rounded square, 0 outside."""
    return np.clip(_inset(size) * np.float32(size) + np.float32(0.5), 0, 1)


def _inset(size: int) -> Plane:
    """How far inside the rounded square each pixel lies, as a share of the side."""
    radius = np.float32(0.03)
    half = np.abs((np.arange(size, dtype=np.float32) + np.float32(0.5)) / np.float32(size) - np.float32(0.5))
    q = half - (np.float32(0.5) - radius)
    qx, qy = q[None, :], q[:, None]
    outside = np.sqrt(np.maximum(qx, 0) ** 2 + np.maximum(qy, 0) ** 2)
    return radius - outside - np.minimum(np.maximum(qx, qy), 0)


def _hairline(tier: Tier) -> Colour:
    return GOLD if tier >= Tier.SUPER_RARE else WHITE


_SILVER = [(0.0, (0.55, 0.60, 0.70)), (0.3, (0.86, 0.89, 0.95)), (0.45, (1.0, 1.0, 1.0)), (0.6, (0.80, 0.84, 0.92)), (1.0, (0.55, 0.60, 0.70))]  # fmt: skip
_OIL = [(0.0, (1.0, 0.45, 0.62)), (0.2, (1.0, 0.90, 0.40)), (0.4, (0.45, 0.95, 0.62)), (0.6, (0.40, 0.80, 1.0)), (0.8, (0.72, 0.55, 1.0)), (1.0, (1.0, 0.45, 0.62))]  # fmt: skip
_GILT = [(0.0, (0.80, 0.52, 0.08)), (0.30, (1.0, 0.86, 0.30)), (0.45, (1.0, 0.98, 0.82)), (0.60, (1.0, 0.84, 0.26)), (1.0, (0.80, 0.52, 0.08))]  # fmt: skip
_METALS: dict[Tier, list[tuple[float, Colour]]] = {Tier.RARE: _SILVER, Tier.SUPER_RARE: _OIL, Tier.HEAD: _GILT}


def _steps(box: Box, size: int) -> tuple[Plane, Plane]:
    x = (np.arange(box[0], box[2], dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    y = (np.arange(box[1], box[3], dtype=np.float32) + np.float32(0.5)) / np.float32(size)
    return x[None, :], y[:, None]


def _metal(box: Box, size: int, tier: Tier) -> Plane:
    x, y = _steps(box, size)
    return stops((x + y) * np.float32(2.5) % np.float32(1), _METALS[tier])


def _bevel(colours: Plane, inset: Plane, box: Box, size: int) -> None:
    """Lit from the upper left: two sides bright, two dark."""
    x, y = _steps(box, size)
    lit = np.minimum(x, y) <= np.minimum(1 - x, 1 - y)
    outer = (inset > 0.001) & (inset < BORDER * 0.34)
    inner = (inset > BORDER * 0.66) & (inset < BORDER)
    lay(colours, flat(WHITE), ((outer & lit) | (inner & ~lit)).astype(np.float32) * np.float32(0.50))
    lay(colours, flat((0.36, 0.18, 0.0)), ((outer & ~lit) | (inner & lit)).astype(np.float32) * np.float32(0.50))


def _ornaments(sheet: Sheet, kind: str, tribe: Tribe, tier: Tier) -> None:
    size = sheet.size
    pen = Pen((size * 2, size * 2), size * 2.0, line=size * 0.0068)
    draw = {"chain": _chain, "rope": _rope, "feather": _feather}.get(kind, _plain)
    draw(pen, LIVERIES[tribe].main if tier is not Tier.HEAD else GOLD, LIVERIES[tribe].dark)
    near = round(size * 0.16)
    for left, top, right, bottom in [*_edges(size, 0.045), *_corner_boxes(size, near)]:
        sheet.paste_doubled(pen.image.crop((left * 2, top * 2, right * 2, bottom * 2)), left, top)
        pen.image.paste((0, 0, 0, 0), (left * 2, top * 2, right * 2, bottom * 2))


def _corner_boxes(size: int, near: int) -> list[Box]:
    far = size - near
    return [(0, 0, near, near), (far, 0, size, near), (0, far, near, size), (far, far, size, size)]


def _sides(pen: Pen, path: Path, places: list[float], tint: Colour, *, depth: float, line: float) -> None:
    for side in range(4):
        for place in places:
            pen.part(
                moved([(x + place, y) for x, y in path], 0, 0, turn=side / 4), tint, depth=depth, glint=0.001, line=line
            )


def _corners(pen: Pen, paths: list[tuple[Path, Colour]], *, depth: float = 0.004, line: float = 1.0) -> None:
    for side in range(4):
        for path, tint in paths:
            pen.part(moved(path, 0, 0, turn=side / 4), tint, depth=depth, glint=0.002, line=line)


def _chain(pen: Pen, tint: Colour, dark: Colour) -> None:
    """Teeth that point inwards, iron claws in the corners."""
    tooth: Path = [(-0.0165, -0.4815), (0.0165, -0.4815), (0.0, -0.4560)]
    _sides(pen, tooth, [(-9.5 + step) * 0.0350 for step in range(20)], tint, depth=0.004, line=0.9)
    claw = smooth(
        [
            (-0.5, -0.5),
            (-0.395, -0.482),
            (-0.352, -0.462),
            (-0.412, -0.452),
            (-0.452, -0.412),
            (-0.462, -0.352),
            (-0.482, -0.395),
        ],
        sharp=(0, 2, 5),
    )
    _corners(
        pen,
        [
            (claw, tint),
            (smooth([(-0.488, -0.488), (-0.430, -0.474), (-0.456, -0.456), (-0.474, -0.430)], sharp=(0, 1, 3)), dark),
        ],
        depth=0.003,
    )


def _rope(pen: Pen, tint: Colour, dark: Colour) -> None:
    """A twisted rope all round, a knot in every corner."""
    straw = mix(tint, WHITE, 0.55)
    strand = moved(ellipse(0, 0, 0.0155, 0.0072), 0, -0.4885, turn=-0.09)
    _sides(pen, strand, [(-19.5 + step) * 0.0236 for step in range(40)], straw, depth=0.003, line=0.6)
    knot = [
        (smooth([(-0.466, -0.466), (-0.430, -0.490), (-0.404, -0.470), (-0.424, -0.446)], sharp=(0,)), tint),
        (smooth([(-0.466, -0.466), (-0.490, -0.430), (-0.470, -0.404), (-0.446, -0.424)], sharp=(0,)), tint),
        (limb([(-0.462, -0.462), (-0.430, -0.424)], [0.007, 0.011]), mix(tint, WHITE, 0.35)),
        (ellipse(-0.468, -0.468, 0.019, 0.019), light(tint)),
    ]
    _corners(pen, knot, line=0.8)
    _ = dark


def _feather(pen: Pen, tint: Colour, dark: Colour) -> None:
    """Feathers that fan out of each corner, and a scroll."""
    gold = mix(tint, GOLD, 0.5)
    feathers: list[tuple[Path, Colour]] = []
    for degrees, long in ((6, 0.120), (25, 0.094), (84, 0.120), (65, 0.094), (45, 0.080)):
        at = degrees / 360
        feather = smooth(
            [(0, -0.007), (long * 0.6, -0.0125), (long, 0.0), (long * 0.6, 0.0125), (0, 0.007)], sharp=(2,)
        )
        feathers.append((moved(feather, -0.480, -0.480, turn=at), WHITE if degrees != 45 else gold))
    feathers.append((ellipse(-0.474, -0.474, 0.017, 0.017), gold))
    _corners(pen, feathers, depth=0.004, line=0.8)
    bead = ellipse(0, -0.490, 0.0042, 0.0042)
    _sides(pen, bead, [(-14 + step) * 0.027 for step in range(29)], mix(gold, WHITE, 0.6), depth=0, line=0.4)
    _ = dark


def _plain(pen: Pen, tint: Colour, dark: Colour) -> None:
    _corners(
        pen,
        [
            ([(-0.5, -0.5), (-0.400, -0.5), (-0.420, -0.470), (-0.470, -0.420), (-0.5, -0.400)], shade(tint, 0.2)),
            (ellipse(-0.462, -0.462, 0.012, 0.012), WHITE),
        ],
    )
    _ = dark
