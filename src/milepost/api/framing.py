"""What of a request's bytes is body, and what only stands around it: lines of chunks and trailers (RFC 9112, 7.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from httptools import HttpRequestParser

MOST_SURPLUS = 16 * 1024
LINE_ENDS = 4
FRAMING = frozenset({b"content-length", b"transfer-encoding"})


def free_of(chunk: int) -> int:
    """Bytes of size and line ends that a chunk of so many bytes has for nothing: else a long upload had an end.

    As many as it carries: who sends bytes one by one does not get far.
    """
    return min(chunk, (chunk.bit_length() + 3) // 4 + LINE_ENDS)


def parser_for(protocol: Any) -> HttpRequestParser:
    parser = HttpRequestParser(protocol)
    # an answer may go out before its request is in; of versions we say more than that they are no HTTP
    parser.set_dangerous_leniencies(lenient_data_after_close=True, lenient_version=True)
    return parser


def head_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A head that says of the body what `headers` say, and nothing else."""
    lines = [b"%s: %s\r\n" % header for header in headers if header[0] in FRAMING]
    return b"POST / HTTP/1.1\r\n" + b"".join(lines) + b"\r\n"


def check_framing(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Raises HttpParserError where a parser would not know where the body ends."""
    parser_for(None).feed_data(head_of(headers))


class BehindHead:
    """Between a parser and its protocol: tells nothing of the first head, which the protocol knows already.

    A parser leaves the rest of a request that asks for another protocol to whoever speaks that. Who does not speak it
    goes on as if it had not been asked for (RFC 9110, 7.8), with a second parser.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._known = False
        for name in ("on_body", "on_chunk_complete", "on_message_complete"):
            setattr(self, name, getattr(protocol, name))

    def on_message_begin(self) -> None:
        if self._known:
            self._protocol.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._known:
            self._protocol.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._known:
            self._protocol.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._known:
            self._protocol.on_headers_complete()
        self._known = True
