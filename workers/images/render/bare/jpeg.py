"""JPEG: tables, frame and scans of the first picture; of the application's segments those that say how colours are meant."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from workers.images.render.bare.behind import check_behind
from workers.images.render.bare.bounds import MAX_SEGMENTS, check_count, check_scans, check_size, shrinking
from workers.images.render.bare.endings import ends_elsewhere
from workers.images.render.bare.picture import Bare
from workers.images.render.refused import broken

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
APP0, APP1, APP14 = 0xE0, 0xE1, 0xEE
STANDALONE = frozenset({0x00, 0x01, SOI, *range(0xD0, 0xD8)})
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
# Huffman tables, arithmetic conditioning, quantisation, lines, restart interval
TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDC, 0xDD})
# in a scan a byte 0xFF stands with 0x00 behind it, or begins a restart
BEHIND_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
EXIF = b"Exif\x00\x00"
# what the decoder reads of either; shorter ones are damaged, and it is better off without
JFIF_BYTES, ADOBE_BYTES = 14, 12


@dataclass(slots=True)
class _Found:
    parts: list[bytes] = field(default_factory=lambda: [b"\xff\xd8"])
    frame: bytes = b""
    exif: bytes = b""
    scans: int = 0
    colours: set[int] = field(default_factory=set[int])


def bare_jpeg(data: bytes) -> Bare:
    """Raises `SourceRefused`."""
    found = _Found()
    end = _walk(data, found)
    check_behind(data[end:])
    if not found.scans:
        raise broken("is broken: a JPEG has a frame and a scan")
    width, height = _size(found.frame)
    return Bare("JPEG", width, height, b"".join([*found.parts, b"\xff\xd9"]), _memory(found), found.exif)


def _walk(data: bytes, found: _Found) -> int:
    """Answers where the picture ends."""
    at, count = 2, 0
    while (at := data.find(b"\xff", at)) >= 0:
        at = _behind_fill(data, at)
        marker = data[at] if at < len(data) else 0
        at, count = at + 1, count + 1
        check_count(count, MAX_SEGMENTS, "segments")
        if marker == EOI:
            return at
        if marker not in STANDALONE:
            at = _segment(data, at, marker, found)
    raise ends_elsewhere("JPEG")


def _behind_fill(data: bytes, at: int) -> int:
    """Where the marker's second byte is: any number of 0xFF may stand before it."""
    while data[at : at + 4096].count(b"\xff") == len(data[at : at + 4096]) > 0:
        at += 4096
    while data[at : at + 1] == b"\xff":
        at += 1
    return at


def _segment(data: bytes, at: int, marker: int, found: _Found) -> int:
    """Takes what makes pixels of the segment whose length stands at `at`; answers where the next begins."""
    end = at + int.from_bytes(data[at : at + 2])
    if end < at + 2 or end > len(data):
        raise ends_elsewhere("JPEG")
    content = data[at + 2 : end]
    if marker == SOS:
        end = _scan_end(data, end)
        _check_scan(found)
    elif marker in FRAMES:
        found.frame = found.frame or bytes([marker]) + content
    elif marker == APP1 and content.startswith(EXIF):
        found.exif += content[len(EXIF) :]
    if marker == SOS or marker in FRAMES or marker in TABLES or _tells_colours(marker, content, found.colours):
        found.parts.append(bytes([0xFF, marker]) + data[at:end])
    return end


def _tells_colours(marker: int, content: bytes, told: set[int]) -> bool:
    """The first of each kind."""
    jfif = marker == APP0 and content.startswith(b"JFIF\x00") and len(content) >= JFIF_BYTES
    adobe = marker == APP14 and content.startswith(b"Adobe") and len(content) >= ADOBE_BYTES
    if not (jfif or adobe) or marker in told:
        return False
    told.add(marker)
    return True


def _scan_end(data: bytes, at: int) -> int:
    behind = BEHIND_SCAN.search(data, at)
    if behind is None:
        raise ends_elsewhere("JPEG")
    return behind.start()


def _check_scan(found: _Found) -> None:
    """At each, so that what comes behind the last that is allowed is not even looked at."""
    found.scans += 1
    width, height = _size(found.frame)
    check_size(width, height)
    check_scans(found.scans, width * height)


def _size(frame: bytes) -> tuple[int, int]:
    if len(frame) < 7:
        raise broken("is broken: its header cannot be read")
    height, width = struct.unpack_from(">HH", frame, 2)
    return width, height


def _memory(found: _Found) -> int:
    """Of a picture in several scans every coefficient is kept, two bytes each; pixels come out shrunk, four bytes each, twice."""
    width, height = _size(found.frame)
    factors = [divmod(byte, 16) for byte in found.frame[8::3]][: found.frame[6]]
    if not factors or min(min(pair) for pair in factors) < 1:
        raise broken("is broken: its header cannot be read")
    whole = max(across for across, _ in factors) * max(down for _, down in factors)
    kept = sum(across * down for across, down in factors) / whole if found.scans > 1 else 0
    shrunk = next(by for by in (8, 4, 2, 1) if by <= shrinking(width, height))
    return int(width * height * (2 * kept + 8 / shrunk**2))
