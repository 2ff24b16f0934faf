"""Answers as JSON: times with Z, UUIDs canonical, decimals as strings, absent as null."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from starlette.responses import Response

# naive: the driver reads PostgreSQL's infinities without an offset
OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS


def encode(content: Any) -> bytes:
    return orjson.dumps(content, default=plain, option=OPTIONS)


def plain(value: Any) -> Any:
    """What orjson does not know."""
    if isinstance(value, UUID | Decimal):  # the driver's UUID is a subclass, which orjson does not take by itself
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


class JSON(Response):
    """`content` is encoded at once; `bytes` are taken as encoded already."""

    media_type = "application/json"

    def __init__(self, content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content if isinstance(content, bytes) else encode(content), status, headers)

    def render(self, content: Any) -> bytes:
        return content
