"""What a render process and its owner say to each other: a JSON head and a body of bytes. Never pickle."""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import asdict
from typing import Any, BinaryIO

from workers.images.render.spec import Rendered, StickerSpec

_LENGTHS = struct.Struct(">II")


def packed(head: dict[str, Any], body: bytes = b"") -> bytes:
    text = json.dumps(head, ensure_ascii=False).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


async def receive(stream: asyncio.StreamReader) -> tuple[dict[str, Any], bytes]:
    """Raises IncompleteReadError when the other side is gone."""
    text, body = _LENGTHS.unpack(await stream.readexactly(_LENGTHS.size))
    head = json.loads(await stream.readexactly(text))
    return head, await stream.readexactly(body)


def take(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The blocking twin; None when the other side is gone."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    text, body = _LENGTHS.unpack(lengths)
    return json.loads(stream.read(text)), stream.read(body)


def order(spec: StickerSpec, source: bytes | None, cpu_seconds: int) -> bytes:
    fields = asdict(spec) | {"effects": dict(spec.effects), "style": dict(spec.style)}
    return packed({"spec": fields, "has_source": source is not None, "cpu_seconds": cpu_seconds}, source or b"")


def finished(rendered: Rendered) -> bytes:
    fields = {key: value for key, value in asdict(rendered).items() if key != "png"}
    return packed({"done": fields}, rendered.png)
