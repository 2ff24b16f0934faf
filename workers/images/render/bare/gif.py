"""GIF: the palette and the first frame, with the control block before it; no comments, no further frames."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from workers.images.render.bare.bounds import MAX_BLOCKS, check_count
from workers.images.render.bare.endings import check_rest, ends_elsewhere
from workers.images.render.bare.picture import Bare
from workers.images.render.refused import broken

HEAD_BYTES, IMAGE_BYTES = 13, 10
EXTENSION, IMAGE, TRAILER = b"!", b",", b";"
CONTROL = b"!\xf9\x04"
CONTROL_BYTES = 8


@dataclass(slots=True)
class _Walk:
    """`blocks` counts blocks and the sub-blocks in them."""

    data: bytes
    at: int = 0
    blocks: int = 0
    control: bytes = b""
    frames: list[bytes] = field(default_factory=list[bytes])


def bare_gif(data: bytes) -> Bare:
    """Raises `SourceRefused`."""
    if len(data) < HEAD_BYTES:
        raise ends_elsewhere("GIF")
    walk = _Walk(data, HEAD_BYTES + _palette(data[10]))
    head = data[: walk.at]
    while _block(walk):
        pass
    if not walk.frames:
        raise broken("is broken: a GIF has a frame")
    width, height = struct.unpack_from("<HH", data, 6)
    left, top, across, down = struct.unpack_from("<HHHH", walk.frames[0], 1)
    # a frame that is larger than the screen makes the screen larger
    width, height = max(width, left + across), max(height, top + down)
    # an index a pixel while it is decoded, four bytes in the form in which it is drawn
    return Bare("GIF", width, height, head + walk.control + walk.frames[0] + TRAILER, 5 * width * height)


def _palette(flags: int) -> int:
    """Bytes of the palette that the flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _block(walk: _Walk) -> bool:
    """Goes over one block; False at the end."""
    _count(walk)
    kind, began = walk.data[walk.at : walk.at + 1], walk.at
    if kind == EXTENSION:
        walk.at += 2
        _sub_blocks(walk)
        if not walk.frames and walk.data.startswith(CONTROL, began) and walk.at == began + CONTROL_BYTES:
            walk.control = walk.data[began : walk.at]
        return True
    if kind == IMAGE:
        _image(walk)
        return True
    if kind == TRAILER:
        check_rest(walk.data, walk.at + 1, "GIF")
        return False
    # what means nothing between two blocks is passed over, and a file may break off behind its first frame
    walk.at += 1
    return bool(kind)


def _image(walk: _Walk) -> None:
    began = walk.at
    flags = walk.data[began + 9 : began + IMAGE_BYTES]
    if not flags:
        raise ends_elsewhere("GIF")
    # one byte behind the palette says how wide the codes are
    walk.at += IMAGE_BYTES + _palette(flags[0]) + 1
    _sub_blocks(walk)
    if not walk.frames:
        walk.frames.append(walk.data[began : walk.at])


def _sub_blocks(walk: _Walk) -> None:
    data, at = walk.data, walk.at
    while at < len(data):
        size = data[at]
        at += 1 + size
        if not size:
            walk.at = at
            return
        _count(walk)
    if not walk.frames:
        raise ends_elsewhere("GIF")
    walk.at = len(data)


def _count(walk: _Walk) -> None:
    walk.blocks += 1
    check_count(walk.blocks, MAX_BLOCKS, "blocks")
