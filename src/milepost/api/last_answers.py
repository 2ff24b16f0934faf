"""The answer to what never reaches the application, as bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from httptools import HttpParserInvalidMethodError
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from milepost.api.answers import encode
from milepost.api.edge import USUAL
from milepost.api.problems import MEDIA_TYPE, SLUGS

REQUEST_LINE = re.compile(rb"(?:\r\n)*[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-~]+ HTTP/1\.[0-9]\r\n")
# a line without it is read as HTTP/0.9, which had no versions
PROTOCOL = b" HTTP/"


class Unspoken(Exception):
    """A request that can be read and is not for this server. `args`: the slug."""


def slug_of(error: Exception, piece: bytes) -> str:
    """Why the parser, or we for it, did not take the piece."""
    if isinstance(error.__context__, Unspoken) and PROTOCOL in piece:
        return error.__context__.args[0]
    # the parser knows a list of methods and takes others for garbage
    if isinstance(error, HttpParserInvalidMethodError) and REQUEST_LINE.match(piece):
        return "not-implemented"
    return "bad-request"


def last_answer(slug: str, detail: str | None, request_id: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A problem behind which the connection ends. `headers`: those that the server adds to every answer."""
    meant = SLUGS[slug]
    content: dict[str, Any] = {"type": f"/problems/{slug}", "title": meant.title, "status": meant.status}
    body = encode({**content, "detail": detail or meant.meaning, "instance": request_id})
    own = (
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
    )
    head = b"".join(b"%s: %s\r\n" % header for header in (*headers, *own, *USUAL))
    return STATUS_LINE[meant.status] + head + b"\r\n" + body
