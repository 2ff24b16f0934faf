"""Answers to requests that need more care on the wire than the HTTP server takes."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class CarefulCycle(RequestResponseCycle):
    """Of HTTP/1.0, which knows neither chunks nor interim answers, and of a client that waits to be told to go on."""

    ends_with_connection = False

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._begin(message)
        elif self.ends_with_connection:
            # what is written is counted against it, and the last part must leave nothing
            self.expected_content_length = len(message.get("body", b"")) + bool(message.get("more_body"))
        await super().send(message)

    def _begin(self, message: Any) -> None:
        # who was not told to go on may send the body all the same or may not: nobody knows what comes next
        if self.waiting_for_100_continue and self.more_body:
            self.keep_alive = False
        sized = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
        if self.scope["http_version"] == "1.0" and not sized:
            # RFC 9112, 6.1: no chunks for who did not say that he knows them
            self.chunked_encoding = False
            self.ends_with_connection = True


class Farewell:
    """Where a cycle writes. To close it is to leave the client time to read what was written."""

    def __init__(self, transport: Any, leave: Any) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = leave
