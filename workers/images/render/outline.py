"""Layer 7: what lifts a figure off the foil - black edge, white or gold rim, soft shadow."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from workers.images.render.colour import INK, WHITE, Colour
from workers.images.render.field import Plane, flat, lay, spread, stops
from workers.images.render.layer import Sheet, planes, share

_BLACK, _RIM, _LAST = 0.0075, 0.0105, 0.004
_SHADOW: Colour = (0.08, 0.02, 0.14)


def lay_figure(sheet: Sheet, figure: Image.Image, left: int, top: int, *, gold: bool) -> None:
    """The figure with its outlines, in place."""
    size = sheet.size
    margin = round(size * 0.06)
    canvas = Image.new("RGBA", (figure.width + 2 * margin, figure.height + 2 * margin), (0, 0, 0, 0))
    canvas.paste(figure, (margin, margin))
    x0, y0 = max(0, left - margin), max(0, top - margin)
    x1, y1 = min(size, left + figure.width + margin), min(size, top + figure.height + margin)
    shift = (margin - left, margin - top)
    seen = canvas.crop((x0 + shift[0], y0 + shift[1], x1 + shift[0], y1 + shift[1]))
    _lay_outlined(sheet.part((x0, y0, x1, y1)), seen, size, gold=gold)


def _lay_outlined(sheet: Sheet, figure: Image.Image, size: int, *, gold: bool) -> None:
    mask = np.asarray(figure.getchannel("A"))
    black = spread(mask, max(1, round(size * _BLACK)))
    rim = spread(black, max(1, round(size * _RIM)))
    edge = spread(rim, max(1, round(size * _LAST))) if gold else rim
    _shadow(sheet.colours, Image.fromarray(edge), size)
    if gold:
        sheet.lay(flat(INK), share(edge))
    sheet.lay(_gold(mask.shape) if gold else flat(WHITE), share(rim))
    sheet.lay(flat(INK), share(black))
    sheet.lay(*planes(figure))


def _shadow(colours: Plane, mask: Image.Image, size: int) -> None:
    soft = mask.filter(ImageFilter.GaussianBlur(size * 0.012))
    moved = Image.new("L", soft.size, 0)
    moved.paste(soft, (round(size * 0.010), round(size * 0.016)))
    lay(colours, flat(_SHADOW), share(np.asarray(moved)) * np.float32(0.55))


def _gold(shape: tuple[int, ...]) -> Plane:
    """Polished metal: bands of light along the diagonal."""
    height, width = shape
    y = np.arange(height, dtype=np.float32)[:, None] / np.float32(height)
    x = np.arange(width, dtype=np.float32)[None, :] / np.float32(width * 2)
    bands: list[tuple[float, Colour]] = [
        (0.0, (1.0, 0.96, 0.62)),
        (0.3, (0.98, 0.76, 0.14)),
        (0.5, (1.0, 0.97, 0.72)),
        (0.7, (0.86, 0.55, 0.06)),
        (0.85, (1.0, 0.92, 0.50)),
        (1.0, (1.0, 0.96, 0.62)),
    ]
    return stops((x + y) * np.float32(2.1) % np.float32(1), bands)
