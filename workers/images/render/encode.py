"""The PNG: exact bytes, no time stamp, five text chunks and nothing else about who asked."""

from __future__ import annotations

import hashlib
import io

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from workers.images.render.field import Plane
from workers.images.render.spec import Rendered, StickerSpec, plain_text
from workers.images.render.version import VERSION


def encode(spec: StickerSpec, picture: Plane, opacity: Plane) -> Rendered:
    size = picture.shape[1]
    pixels = np.empty((size, size, 4), dtype=np.uint8)
    for channel, plane in enumerate((*picture, opacity)):
        pixels[..., channel] = plane * np.float32(255) + np.float32(0.5)
    pixels[pixels[..., 3] == 0] = 0
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", pnginfo=_texts(spec), compress_level=4)
    png = stream.getvalue()
    return Rendered(png, size, size, hashlib.sha256(png).hexdigest(), spec.drawn_seed, VERSION)


def _texts(spec: StickerSpec) -> PngInfo:
    info = PngInfo()
    texts = {
        "Title": spec.title,
        "Attribute": spec.attribute,
        "Rarity": spec.rarity,
        "Seed": str(spec.drawn_seed),
        "Renderer": VERSION,
    }
    for key, text in texts.items():
        info.add_itxt(key, plain_text(text))
    return info
