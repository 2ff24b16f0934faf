"""PNG: header, palette, transparency and data, in one chunk each; of the rest only where up is."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Mapping

from workers.images.render.bare.bounds import MAX_CHUNKS, MAX_INFLATED, check_count
from workers.images.render.bare.endings import check_rest
from workers.images.render.bare.picture import Bare
from workers.images.render.refused import broken

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
ONCE = frozenset({b"IHDR", b"PLTE", b"tRNS", b"eXIf"})
# bytes of tRNS by colour type, where it makes sense
TRANSPARENCY = {0: range(2, 3), 2: range(6, 7), 3: range(1, 257)}
# behind the name and its NUL: bytes until the compressed text begins, for iTXt those that say whether it is
PACKED = frozenset({b"zTXt", b"iCCP"})
HEAD_BYTES = 13


def bare_png(data: bytes) -> Bare:
    """Raises `SourceRefused`."""
    once: dict[bytes, bytes] = {}
    parts: list[bytes] = []
    inflated = 0
    for kind, content in _chunks(data):
        if kind in ONCE:
            once.setdefault(kind, content)
        elif kind == b"IDAT":
            parts.append(content)
        else:
            inflated += _inflated(kind, content, MAX_INFLATED - inflated)
            check_count(inflated, MAX_INFLATED, "bytes of texts and profiles once they are inflated")
    head = once.get(b"IHDR", b"")
    if len(head) != HEAD_BYTES or not parts:
        raise broken("is broken: a PNG has a header and data")
    width, height = struct.unpack_from(">II", head)
    # four bytes a pixel while it is decoded, and four in the form in which it is drawn
    return Bare("PNG", width, height, _written(once, parts), 8 * width * height, once.get(b"eXIf", b""))


def _chunks(data: bytes) -> Generator[tuple[bytes, bytes]]:
    """Kind and content of each, with the checksum of those that make pixels. What a false checksum stands behind is left out."""
    at, count = len(SIGNATURE), 0
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        content = data[at + 8 : end - 4]
        sound = end <= len(data) and zlib.crc32(content, zlib.crc32(kind)) == int.from_bytes(data[end - 4 : end])
        if kind in CRITICAL and not sound:
            raise broken(f"is broken: the checksum of its {kind.decode()} is false")
        if kind == b"IEND":
            check_rest(data, end, "PNG")
            return
        at, count = end, count + 1
        check_count(count, MAX_CHUNKS, "chunks")
        if sound:
            yield kind, content
    raise broken("does not end where a PNG ends")


def _inflated(kind: bytes, content: bytes, most: int) -> int:
    """How many bytes a compressed text or profile is; one more than `most` for all that are more. One that is damaged ends there."""
    name_ends = content.find(b"\x00")
    packed = content[name_ends + 2 :]
    if kind == b"iTXt":
        if content[name_ends + 1 : name_ends + 2] != b"\x01":
            return 0
        # language and translated name end with a NUL each
        packed = content[name_ends + 3 :].split(b"\x00", 2)[-1]
    elif kind not in PACKED:
        return 0
    try:
        return len(zlib.decompressobj().decompress(packed, most + 1))
    except zlib.error:
        return 0


def _written(once: Mapping[bytes, bytes], parts: list[bytes]) -> bytes:
    head = once[b"IHDR"]
    chunks = [_chunk(b"IHDR", head)]
    if b"PLTE" in once:
        chunks.append(_chunk(b"PLTE", once[b"PLTE"]))
    if len(once.get(b"tRNS", b"")) in TRANSPARENCY.get(head[9], ()):
        chunks.append(_chunk(b"tRNS", once[b"tRNS"]))
    return b"".join([SIGNATURE, *chunks, _chunk(b"IDAT", b"".join(parts)), _chunk(b"IEND", b"")])


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
