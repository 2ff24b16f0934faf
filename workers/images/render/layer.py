"""The sticker while it is drawn: colours and opacity, and how finished pieces are put on top."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from workers.images.render.field import Bytes, Plane, lay

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom are outside."""

_SHARE = np.float32(1 / 255)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Changed in place, layer by layer."""

    colours: Plane
    opacity: Plane

    @property
    def size(self) -> int:
        return self.colours.shape[1]

    def part(self, box: Box) -> Sheet:
        """A window into the same picture."""
        left, top, right, bottom = box
        return Sheet(self.colours[:, top:bottom, left:right], self.opacity[top:bottom, left:right])

    def lay(self, above: Plane, cover: Plane) -> None:
        """Colours over everything, and opaque where they cover."""
        lay(self.colours, above, cover)
        np.maximum(self.opacity, cover, out=self.opacity)

    def paste(self, image: Image.Image, left: int, top: int) -> None:
        """An RGBA image, cut off at the edges."""
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(self.size, left + image.width), min(self.size, top + image.height)
        if x0 >= x1 or y0 >= y1:
            return
        colours, cover = planes(image.crop((x0 - left, y0 - top, x1 - left, y1 - top)))
        self.part((x0, y0, x1, y1)).lay(colours, cover)

    def paste_doubled(self, image: Image.Image, left: int, top: int) -> None:
        """A layer drawn at twice the size; only what is drawn of it is reduced."""
        box = image.getbbox()
        if box is None:
            return
        x0, y0 = max(0, box[0] // 2 * 2 - 4), max(0, box[1] // 2 * 2 - 4)
        drawn = halved(image.crop((x0, y0, box[2] + box[2] % 2 + 4, box[3] + box[3] % 2 + 4)))
        self.paste(drawn, left + x0 // 2, top + y0 // 2)


def halved(image: Image.Image) -> Image.Image:
    return image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.LANCZOS)


def planes(image: Image.Image) -> tuple[Plane, Plane]:
    """An RGBA image as colours and cover."""
    pixels = np.asarray(image).transpose(2, 0, 1).astype(np.float32)
    pixels *= _SHARE
    return pixels[:3], pixels[3]


def share(mask: Bytes) -> Plane:
    """A mask of bytes as shares of 1."""
    return mask.astype(np.float32) * _SHARE
