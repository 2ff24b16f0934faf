"""How much of what a source image may have, known before anything is decoded."""

from __future__ import annotations

from workers.images.render.bare.picture import Bare
from workers.images.render.refused import broken, too_large

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 40_000_000
MAX_SIDE = 20_000
"""A picture of one column costs a decoder far more for each pixel than a square one."""
MAX_MEMORY = 400_000_000
"""Bytes: enough for 40 megapixels as PNG, GIF or JPEG, and for 25 as WebP, whose decoder keeps them four times."""
WORKING_SIDE = 2400
"""No figure is drawn larger than this, so that nothing larger is kept in memory once decoded."""
MAX_SCANS = 64
MAX_SCANNED = 1_000_000_000
"""Pixels times scans: each scan of a JPEG goes over all of them again."""
MAX_SEGMENTS = 1000
MAX_CHUNKS = 20_000
MAX_BLOCKS = 100_000
MAX_INFLATED = 4 * 1024 * 1024
"""Bytes of all compressed texts and profiles together."""


def check_bytes(size: int) -> None:
    if size > MAX_BYTES:
        raise too_large(f"has {size} bytes; at most {MAX_BYTES} are read")


def check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise broken(f"has {width} x {height} pixels, and so none at all")
    if width * height > MAX_PIXELS:
        raise too_large(f"has {width} x {height} pixels; at most {MAX_PIXELS} are decoded")
    if max(width, height) > MAX_SIDE:
        raise too_large(f"has a side of {max(width, height)} pixels; at most {MAX_SIDE} are decoded")


def check_memory(picture: Bare) -> None:
    if picture.memory > MAX_MEMORY:
        size = f"{picture.width} x {picture.height}"
        needs = f"needs about {picture.memory // 10**6} MB to be decoded as {picture.form} of {size} pixels"
        raise too_large(f"{needs}; at most {MAX_MEMORY // 10**6} MB are given")


def check_scans(count: int, pixels: int) -> None:
    if count > MAX_SCANS:
        raise broken(f"has more than {MAX_SCANS} scans")
    if count * pixels > MAX_SCANNED:
        raise broken(f"has {count} or more scans of {pixels} pixels; at most {MAX_SCANNED} pixels are scanned in all")


def check_count(count: int, most: int, what: str) -> None:
    if count > most:
        raise broken(f"has more than {most} {what}")


def shrinking(width: int, height: int) -> int:
    """By how much each side is divided as soon as it is decoded."""
    return max(1, max(width, height) // WORKING_SIDE)
