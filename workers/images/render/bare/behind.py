"""What cameras and phones write behind a photograph: further views, a film, Samsung's records. None of it is looked at."""

from __future__ import annotations

import struct

from workers.images.render.bare.endings import PADDING, ends_elsewhere

MOST_BOXES = 1000
# two 16-bit words, how far before the head of all a record begins, and its length
ENTRY = struct.Struct("<HHII")
HEAD_BYTES = 12


def check_behind(rest: bytes) -> None:
    """Raises `SourceRefused` for anything else: that would be a second file in disguise."""
    views = _before_film(_before_records(rest)).strip(PADDING)
    if views and not (views.startswith(b"\xff\xd8\xff") and views.endswith(b"\xff\xd9")):
        raise ends_elsewhere("JPEG")


def _before_records(rest: bytes) -> bytes:
    """Samsung's: the records, a head SEFH that says where each begins, the head's length, SEFT."""
    if not rest.endswith(b"SEFT") or len(rest) < HEAD_BYTES + 8:
        return rest
    head = len(rest) - 8 - int.from_bytes(rest[-8:-4], "little")
    if head < 0 or rest[head : head + 4] != b"SEFH":
        return rest
    count = int.from_bytes(rest[head + 8 : head + HEAD_BYTES], "little")
    entries = rest[head + HEAD_BYTES : -8]
    if count * ENTRY.size != len(entries):
        return rest
    began = head - max((back for _, _, back, _ in ENTRY.iter_unpack(entries)), default=0)
    return rest[: max(0, began)]


def _before_film(rest: bytes) -> bytes:
    """A film in boxes, which begins with its type and goes to the end."""
    at = began = rest.find(b"ftyp") - 4
    for _ in range(MOST_BOXES):
        if at < 0 or at + 8 > len(rest):
            break
        length = int.from_bytes(rest[at : at + 4])
        if length == 1:
            length = int.from_bytes(rest[at + 8 : at + 16])
        at = len(rest) if length == 0 else at + length if length >= 8 else -1
    return rest[:began] if began >= 0 and at == len(rest) else rest
