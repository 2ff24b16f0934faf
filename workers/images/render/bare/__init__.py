"""A source image without all that makes no pixels: what a decoder is given, and what that will cost it.

Metadata, later frames and whatever else is untidy never reach the decoder, so that it can neither stumble over them nor be
kept busy by them. What makes the pixels is passed on as it is, and the decoder judges it.
"""

from __future__ import annotations

from workers.images.render.bare.bounds import MAX_BYTES, check_bytes, check_memory, check_size
from workers.images.render.bare.gif import bare_gif
from workers.images.render.bare.jpeg import bare_jpeg
from workers.images.render.bare.picture import Bare
from workers.images.render.bare.png import SIGNATURE, bare_png
from workers.images.render.bare.webp import bare_webp
from workers.images.render.refused import broken

__all__ = ["MAX_BYTES", "Bare", "bare"]


def bare(data: bytes) -> Bare:
    """By what the bytes begin as. Raises `SourceRefused`; nothing is decoded."""
    check_bytes(len(data))
    found = _walked(data)
    check_size(found.width, found.height)
    check_memory(found)
    return found


def _walked(data: bytes) -> Bare:
    if data.startswith(SIGNATURE):
        return bare_png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return bare_jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return bare_webp(data)
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return bare_gif(data)
    raise broken("is neither PNG, JPEG, WebP nor GIF")
