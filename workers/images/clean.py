"""A program: reads a picture that may be hostile from its standard input and answers with it, written anew, without metadata."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

from milepost.net.child_process import open_answers
from workers.images.render import limits

if TYPE_CHECKING:
    from PIL import Image

ENCODING_SECONDS = 4
"""Of a core, for a picture that has been decoded and is small."""
LONGEST_SIDE = 1600
"""No figure is drawn larger than that."""
MOST_PNG = 3 * 1024 * 1024


def main(owner: int, memory_mb: int, cpu_seconds: int, answers: str) -> None:
    """Libraries are loaded under the limits, so that even that is bounded."""
    limits.confine(owner, memory_mb)
    limits.allow_cpu(cpu_seconds)
    with open_answers(answers) as stream:
        head, data = _answer()
        stream.write(json.dumps(head).encode() + b"\n" + data)


def _answer() -> tuple[dict[str, Any], bytes]:
    try:
        from workers.images.render.source import MAX_BYTES, SourceRefused, read_source  # noqa: PLC0415
    except ModuleNotFoundError as error:
        return _refused("RENDERER_UNAVAILABLE", f"Pictures cannot be read here: {error.name} is not installed.")
    try:
        picture = read_source(sys.stdin.buffer.read(MAX_BYTES + 1))
        limits.allow_cpu(ENCODING_SECONDS)
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        data = _encoded(picture)
    except SourceRefused as error:
        return _refused(error.code, error.message)
    except MemoryError:
        return _refused("SOURCE_TOO_LARGE", "The source image needs more memory than one may have.")
    return {"width": picture.width, "height": picture.height, "size": len(data)}, data


def _encoded(picture: Image.Image) -> bytes:
    """PNG where that is small, else WebP: a photograph as PNG could be larger than what is read again."""
    data = _saved(picture, "PNG")
    return data if len(data) <= MOST_PNG else _saved(picture, "WEBP", quality=92)


def _saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def _refused(code: str, message: str) -> tuple[dict[str, Any], bytes]:
    return {"refused": code, "message": message}, b""


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
