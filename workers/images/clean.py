"""A program: reads a picture that may be hostile from standard input, writes it anew, without metadata, to standard output."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

from milepost.api.pictures import REFUSED
from workers.images.render import limits

if TYPE_CHECKING:
    from PIL import Image

MEMORY_MB = 1024
CPU_SECONDS = 15
LONGEST_SIDE = 1600
"""No figure is drawn larger than that."""
MOST_PNG = 3 * 1024 * 1024


def main(owner: int) -> int:
    """Libraries are loaded under the limits, so that even that is bounded."""
    limits.confine(owner, MEMORY_MB)
    limits.allow_cpu(CPU_SECONDS)
    try:
        from workers.images.render.source import MAX_BYTES, SourceRefused, read_source  # noqa: PLC0415
    except ModuleNotFoundError as error:
        return _refuse("RENDERER_UNAVAILABLE", f"Pictures cannot be read here: {error.name} is not installed.")
    try:
        picture = read_source(sys.stdin.buffer.read(MAX_BYTES + 1))
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        data = _encoded(picture)
    except SourceRefused as error:
        return _refuse(error.code, error.message)
    except MemoryError:
        return _refuse("SOURCE_TOO_LARGE", "The source image needs more memory than one may have.")
    head = json.dumps({"width": picture.width, "height": picture.height})
    sys.stdout.buffer.write(head.encode() + b"\n" + data)
    return 0


def _encoded(picture: Image.Image) -> bytes:
    """PNG where that is small, else WebP: a photograph as PNG could be larger than what is read again."""
    data = _saved(picture, "PNG")
    return data if len(data) <= MOST_PNG else _saved(picture, "WEBP", quality=92)


def _saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def _refuse(code: str, message: str) -> int:
    sys.stderr.write(json.dumps({"code": code, "message": message}))
    return REFUSED


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
