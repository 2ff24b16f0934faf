"""WebP: the picture, or the first frame of an animation, with its alpha; no metadata."""

from __future__ import annotations

import struct
from collections.abc import Generator

from workers.images.render.bare.bounds import MAX_CHUNKS, check_count
from workers.images.render.bare.endings import check_rest, ends_elsewhere
from workers.images.render.bare.picture import Bare
from workers.images.render.refused import broken

STILL = frozenset({b"ALPH", b"VP8 ", b"VP8L"})
BITSTREAMS = frozenset({b"VP8 ", b"VP8L"})
ANIMATED, ALPHA = 0x02, 0x10
# the canvas twice, the frame, and the picture that is made of it: four bytes a pixel each
BYTES_A_PIXEL = 16


def bare_webp(data: bytes) -> Bare:
    """Raises `SourceRefused`."""
    first: dict[bytes, bytes] = {}
    for kind, content in _chunks(data):
        first.setdefault(kind, content)
    extended = first.get(b"VP8X")
    animated = extended is not None and len(extended) >= 10 and bool(extended[0] & ANIMATED)
    kept = [b"ANIM", b"ANMF"] if animated else sorted(STILL & first.keys())
    if extended is not None:
        kept.insert(0, b"VP8X")
        first[b"VP8X"] = bytes([extended[0] & (ANIMATED | ALPHA) if extended else 0]) + extended[1:]
    if not all(kind in first for kind in kept) or not (animated or BITSTREAMS & first.keys()):
        raise broken("is broken: a WebP has a picture")
    width, height = _canvas(extended) if extended is not None else _size(first)
    body = b"WEBP" + b"".join(_chunk(kind, first[kind]) for kind in kept)
    written = b"RIFF" + struct.pack("<I", len(body)) + body
    return Bare("WEBP", width, height, written, BYTES_A_PIXEL * width * height, first.get(b"EXIF", b""))


def _chunks(data: bytes) -> Generator[tuple[bytes, bytes]]:
    ends = 8 + int.from_bytes(data[4:8], "little")
    if ends > len(data) + 1:
        raise ends_elsewhere("WEBP")
    check_rest(data, ends, "WEBP")
    at, count = 12, 0
    while at + 8 <= min(ends, len(data)):
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > len(data):
            raise ends_elsewhere("WEBP")
        yield kind, data[at + 8 : at + 8 + length]
        at, count = at + 8 + length + length % 2, count + 1
        check_count(count, MAX_CHUNKS, "chunks")


def _canvas(extended: bytes) -> tuple[int, int]:
    if len(extended) < 10:
        raise broken("is broken: its header cannot be read")
    return 1 + int.from_bytes(extended[4:7], "little"), 1 + int.from_bytes(extended[7:10], "little")


def _size(first: dict[bytes, bytes]) -> tuple[int, int]:
    if (lossy := first.get(b"VP8 ")) is not None and lossy[3:6] == b"\x9d\x01\x2a" and len(lossy) >= 10:
        width, height = struct.unpack_from("<HH", lossy, 6)
        return width & 0x3FFF, height & 0x3FFF
    if (lossless := first.get(b"VP8L")) is not None and lossless[:1] == b"\x2f" and len(lossless) >= 5:
        bits = int.from_bytes(lossless[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise broken("is broken: its header cannot be read")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\x00" * (len(content) % 2)
