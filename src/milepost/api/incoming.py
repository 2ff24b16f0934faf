"""What arrives on a connection, piece by piece: heads, bodies and what stands around them, each with its bound."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from milepost.api.cycles import CarefulCycle
from milepost.api.framing import MOST_SURPLUS, BehindHead, check_framing, free_of, head_of, parser_for
from milepost.api.last_answers import Unspoken, slug_of
from milepost.api.targets import LONGEST_TARGET, read_target

# beyond the piece of the stream in which the request began
MOST_HEAD = 64 * 1024
END_OF_HEAD = b"\r\n\r\n"
# what is looked at in one go: no bound is passed by more than this. Of a body that has its length, all is body
PIECE = 1024
PIECE_OF_BODY = 16 * 1024
# after so many bytes at once others have their turn
MUCH = 32 * 1024
# requests that are read before their turn
MOST_WAITING = 16
TOO_MUCH_AROUND = f"The lines of chunks and the trailers may have {MOST_SURPLUS} bytes in all."


class Flow(FlowControl):
    """`full`: more has been read than is wanted now, whoever else would go on. `resting`: it is others' turn."""

    full = False
    resting = False

    def resume_reading(self) -> None:
        if not (self.full or self.resting):
            super().resume_reading()

    def rest(self, loop: AbstractEventLoop) -> None:
        """Until whatever is ready has had its turn: some loops read from one connection as long as there is anything."""
        if not self.read_paused:
            self.resting = True
            self.pause_reading()
            loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self.resting = False
        self.resume_reading()


class Incoming(HttpToolsProtocol):
    """What is known of the request that arrives.

    `number`: how many there were. `arrived`: bytes since it began. `length`: of its body, None for one in chunks.
    `carried`: bytes of its body so far, `in_chunk` of which are those of the present chunk. `surplus`: those behind the
    head that are no body. `held`: what was read and waits for requests before it. `deaf`: nothing is taken any more.
    """

    url = b""
    in_head = True
    in_body = False
    deaf = False
    number = 0
    arrived = 0
    length: int | None = None
    carried = 0
    in_chunk = 0
    surplus = 0
    held = b""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.parser = parser_for(self)
        self.flow = self.gate = Flow(transport)

    def data_received(self, data: bytes) -> None:
        if self.deaf or self._is_nothing(data):
            return
        if self.held:
            self.held += data
        else:
            self._take(data)
            if len(data) > MUCH:
                self.gate.rest(self.loop)

    def _is_nothing(self, data: bytes) -> bool:
        """Blank lines between requests (RFC 9112, 2.2). They are no sign of life, and there are not many of them."""
        if self.in_head or self.in_body or data.strip(b"\r\n"):
            return False
        self.arrived += len(data)
        if self.arrived > MOST_HEAD:
            self.transport.close()
        return True

    def _take(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        start = 0
        while start < len(data) and not (self.deaf or self.transport.is_closing()):
            if len(self.pipeline) >= MOST_WAITING:
                self.held, self.gate.full = data[start:], True
                self.flow.pause_reading()
                return
            start += self._feed(data[start : self._end_of_piece(data, start)])

    def _end_of_piece(self, data: bytes, start: int) -> int:
        """A piece ends with its head or body, so that what follows is counted for what it is."""
        if self.in_body:
            return start + (PIECE if self.length is None else min(PIECE_OF_BODY, self.length - self.carried))
        end = data.find(END_OF_HEAD, start, start + PIECE)
        return start + PIECE if end < 0 else end + len(END_OF_HEAD)

    def _feed(self, piece: bytes) -> int:
        """How much of the piece was taken. Refuses what the parser does not take."""
        number, in_body, carried, taken = self.number, self.in_body, self.carried, len(piece)
        self.arrived += taken
        try:
            self.parser.feed_data(piece)
        except HttpParserUpgrade as upgrade:
            taken = upgrade.args[0]
            self._stay()
        except HttpParserError as error:
            self.refuse(slug_of(error, piece))
            return taken
        if in_body and number == self.number:
            self.surplus += taken - (self.carried - carried)
        self._bound()
        return taken

    def _bound(self) -> None:
        # a header that does not end never reaches the application, which bounds those that do
        if self.in_head and len(self.url) > LONGEST_TARGET:
            self.refuse("uri-too-long")
        elif self.in_head and self.arrived > MOST_HEAD:
            self.refuse("headers-too-large")
        elif self.in_body and self.surplus > MOST_SURPLUS:
            self.refuse("headers-too-large", TOO_MUCH_AROUND)

    def refuse(self, slug: str, detail: str | None = None) -> None:
        """Takes no more."""
        raise NotImplementedError

    def _stay(self) -> None:
        """Reads on in spite of a wish for another protocol."""
        self.parser = parser_for(BehindHead(self))
        self.parser.feed_data(head_of(self.headers))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.number += 1
        self.in_head, self.in_body, self.arrived = True, False, 0
        self.length, self.carried, self.in_chunk, self.surplus = None, 0, 0, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        # a trailer is no header: who stands before us has not looked at it (RFC 9110, 6.5.1)
        if self.in_head:
            super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        """Raises for what is not for us, and then there is no request yet."""
        version = self.parser.get_http_version()
        if not version.startswith("1."):
            raise Unspoken("version-not-supported")
        if self.parser.should_upgrade():
            check_framing(self.headers)
        self.url, host = read_target(self.parser.get_method(), self.url)
        if host is not None:
            self.headers[:] = [(name, host if name == b"host" else value) for name, value in self.headers]
        super().on_headers_complete()
        if version != "1.1" or self.expect_100_continue:
            self._take_care(version)
        for name, value in self.headers:
            if name == b"content-length":
                self.length = int(value)
        self.in_head, self.in_body = False, True

    def _take_care(self, version: str) -> None:
        """No task has run yet: the application finds what is set now. A higher 1.x is 1.1 (RFC 9110, 2.5)."""
        self.scope["http_version"] = "1.0" if version == "1.0" else "1.1"
        self.cycle.__class__ = CarefulCycle
        self.cycle.waiting_for_100_continue = self.expect_100_continue and version != "1.0"

    def on_body(self, body: bytes) -> None:
        size = len(body)
        self.carried += size
        self.in_chunk += size
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        self.surplus -= free_of(self.in_chunk)
        self.in_chunk = 0

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self.in_body, self.arrived = False, 0
        super().on_message_complete()
        # a trailer may say so too, and the parser then takes no more
        if self.cycle.keep_alive and not self.parser.should_keep_alive():
            self.cycle.keep_alive = False
            if self.cycle.response_complete:
                self.transport.close()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.held and len(self.pipeline) < MOST_WAITING:
            data, self.held, self.gate.full = self.held, b"", False
            self._take(data)
            self.flow.resume_reading()
