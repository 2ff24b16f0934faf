"""A program: reads a picture that may be hostile from standard input, writes it anew, without metadata, to standard output."""

from __future__ import annotations

import io
import json
import sys

from milepost.api.pictures import REFUSED

MEMORY = 1536 * 1024 * 1024
CPU_SECONDS = 15
LONGEST_SIDE = 1600
"""No figure is drawn larger than that."""
MOST_PNG = 3 * 1024 * 1024


def main() -> int:
    _limit()
    try:
        from workers.images.render.source import MAX_BYTES, SourceRefused, read_source  # noqa: PLC0415 - under the limits
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


def _limit() -> None:
    """Before anything of the picture is read. Where the system has no such limits the caller's clock is left."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _encoded(picture: object) -> bytes:
    """PNG where that is small, else WebP: a photograph as PNG would be larger than what may be read again."""
    for name, options in (("PNG", {}), ("WEBP", {"quality": 92})):
        stream = io.BytesIO()
        picture.save(stream, name, **options)  # type: ignore[attr-defined]
        if stream.tell() <= MOST_PNG or name == "WEBP":
            return stream.getvalue()
    raise AssertionError


def _refuse(code: str, message: str) -> int:
    sys.stderr.write(json.dumps({"code": code, "message": message}))
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
