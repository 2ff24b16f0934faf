"""Reads a source image that may be hostile: judged by its content, bounded before it is decoded, stripped of metadata.

Meant for a process whose memory and time are limited: a decoder's bug then costs that process and nothing else.
"""

from __future__ import annotations

import io
import struct
import warnings

from PIL import Image

from workers.images.render.bare import MAX_BYTES, Bare, bare
from workers.images.render.bare.bounds import MAX_PIXELS, check_size, shrinking
from workers.images.render.refused import SOURCE_INVALID, SOURCE_TOO_LARGE, SourceRefused, broken, too_large

__all__ = [
    "MAX_BYTES", "MAX_PIXELS", "SOURCE_INVALID", "SOURCE_TOO_LARGE", "SourceRefused", "check_source", "read_source",
]  # fmt: skip

_ORIENTATION = 0x0112
# how EXIF says what is up, as what is to be done about it
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_source(data: bytes) -> Image.Image:
    """The first frame as RGBA, upright, without metadata. Raises `SourceRefused`."""
    picture = bare(data)
    try:
        with warnings.catch_warnings():
            # what is only untidy is no reason to refuse a picture, and its size has been judged
            warnings.simplefilter("ignore")
            return _upright(picture)
    except SourceRefused:
        raise
    except MemoryError as lack:
        raise too_large("needs more memory than one may have") from lack
    except Exception as error:  # a decoder may raise anything
        raise broken("is broken and could not be decoded") from error


def check_source(data: bytes) -> tuple[str, int, int]:
    """Format, width and height from the header alone, nothing decoded. Raises `SourceRefused`."""
    picture = bare(data)
    return picture.form, picture.width, picture.height


def _upright(picture: Bare) -> Image.Image:
    """Decoded, made small, turned as its EXIF says; a new picture carries no metadata."""
    by = shrinking(picture.width, picture.height)
    with Image.open(io.BytesIO(picture.data), formats=[picture.form]) as image:
        check_size(*image.size)
        # a JPEG comes out smaller if it is asked to
        image.draft(None, (max(1, image.width // by), max(1, image.height // by)))
        image.load()
        small = _small(image)
    turn = _TURNS.get(_orientation(picture.exif))
    upright = small if turn is None else small.transpose(turn)
    upright.info = {}
    return upright


def _small(image: Image.Image) -> Image.Image:
    """A new picture: what the file's object knows of the file stays behind."""
    by = shrinking(*image.size)
    if image.mode == "P" and by > 1:
        # its colours cannot be mixed, and it would take five times the memory if they could
        image = image.resize((max(1, image.width // by), max(1, image.height // by)), Image.Resampling.NEAREST)
        by = 1
    image = _reducible(image)
    return (image.reduce(by) if by > 1 else image).convert("RGBA")


def _reducible(image: Image.Image) -> Image.Image:
    """Grey in 16 bits would be cut off at 255, and so all white; a colour that stands for clear must not be mixed."""
    clear = image.info.get("transparency")
    if image.mode == "I;16":
        image = image.point(lambda value: value * (1 / 256)).convert("L")
        image.info |= {} if clear is None else {"transparency": clear >> 8}
    if clear is not None:
        return image.convert("RGBA")
    return image.convert("L") if image.mode == "1" else image


def _orientation(exif: bytes) -> int:
    """1, upright, for what cannot be read. One tag is no reason to read the others, of which there may be many."""
    exif = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2], "=")
    try:
        (at,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, entry)
            if tag == _ORIENTATION:
                return value
    except struct.error:
        pass
    return 1
