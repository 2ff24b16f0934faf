"""Reads a source image that may be hostile: judged by its content, limited before it is decoded, stripped of metadata.

Meant for a process whose memory and time are limited: a decoder's bug then costs that process and nothing else.
"""

from __future__ import annotations

import io
import struct
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError

MAX_BYTES = 5 * 1024 * 1024
MAX_PIXELS = 40_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")

SOURCE_INVALID = "SOURCE_INVALID"
SOURCE_TOO_LARGE = "SOURCE_TOO_LARGE"

_WORKING_SIDE = 2400
"""No figure is drawn larger than this, so that nothing larger is kept in memory once decoded."""


class SourceRefused(Exception):
    """A source image that is not drawn; `code` is what its task ends with."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def read_source(data: bytes) -> Image.Image:
    """The first frame as RGBA, upright, without metadata. Raises `SourceRefused`."""
    check_source(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with _opened(data) as image:
                return _upright(image)
    except SourceRefused:
        raise
    except MemoryError as lack:
        raise SourceRefused(SOURCE_TOO_LARGE, "The source image needs more memory than one may have.") from lack
    except Exception as broken:  # a decoder may raise anything
        raise SourceRefused(SOURCE_INVALID, "The source image is broken and could not be decoded.") from broken


def check_source(data: bytes) -> tuple[str, int, int]:
    """Format, width and height from the header alone, nothing decoded. Raises `SourceRefused`."""
    if len(data) > MAX_BYTES:
        raise SourceRefused(SOURCE_TOO_LARGE, f"The source image has {len(data)} bytes; at most {MAX_BYTES} are read.")
    named = _signature(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with _opened(data) as image:
                width, height = image.size
                found = image.format
    except Image.DecompressionBombError as bomb:
        raise SourceRefused(SOURCE_TOO_LARGE, _too_many("more")) from bomb
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, struct.error) as broken:
        raise SourceRefused(SOURCE_INVALID, "The source image is broken: its header cannot be read.") from broken
    if width * height > MAX_PIXELS:
        raise SourceRefused(SOURCE_TOO_LARGE, _too_many(f"{width} x {height}"))
    if found != named or width < 1 or height < 1:
        raise SourceRefused(SOURCE_INVALID, "The source image is not what its first bytes say.")
    return named, width, height


def _too_many(found: str) -> str:
    return f"The source image has {found} pixels; at most {MAX_PIXELS} are decoded."


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _signature(data: bytes) -> str:
    """The format that the bytes begin as, and end as: what follows a picture's end belongs to another file."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _ending("PNG", _png_end(data), data)
    if data.startswith(b"\xff\xd8\xff"):
        return _ending("JPEG", data.rfind(b"\xff\xd9") + 2, data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _ending("WEBP", 8 + struct.unpack_from("<I", data, 4)[0], data)
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return _ending("GIF", data.rfind(b";") + 1, data)
    raise SourceRefused(SOURCE_INVALID, "The source image is neither PNG, JPEG, WebP nor GIF.")


def _ending(name: str, end: int, data: bytes) -> str:
    """Padding of a few zero bytes is common and harmless; anything else is a second file in disguise."""
    rest = data[end:] if 0 < end <= len(data) else b"?"
    if rest.strip(b"\x00\r\n ") or (name == "WEBP" and end > len(data) + 1):
        raise SourceRefused(SOURCE_INVALID, f"The source image does not end where a {name} ends.")
    return name


def _png_end(data: bytes) -> int:
    """Where the IEND chunk ends, by walking the chunks; 0 if they do not add up."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        at += 12 + length
        if kind == b"IEND":
            return at
    return 0


def _upright(image: Image.Image) -> Image.Image:
    """Decoded, made small, turned as its EXIF says; a new picture carries no metadata."""
    image.draft("RGB", (_WORKING_SIDE, _WORKING_SIDE))
    image.seek(0)
    image.load()
    turned = _oriented(image)
    bare = Image.new("RGBA", turned.size)
    bare.paste(turned)
    return bare


def _oriented(image: Image.Image) -> Image.Image:
    orientation = image.getexif().get(0x0112, 1)
    small = _small(image).convert("RGBA")
    exif = Image.Exif()
    exif[0x0112] = orientation
    small.info = {"exif": exif.tobytes()}
    return ImageOps.exif_transpose(small)


def _small(image: Image.Image) -> Image.Image:
    factor = max(image.size) // _WORKING_SIDE
    if factor < 2:
        return image
    if image.mode == "P":
        return image.resize((max(1, image.width // factor), max(1, image.height // factor)), Image.Resampling.NEAREST)
    return image.reduce(factor)
