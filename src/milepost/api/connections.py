"""One client's connection: what never becomes a request, and who takes too long, is answered here and cut off.

The HTTP server bounds neither the head of a request nor the time in which it arrives. Once a second every connection is
looked at; a request that arrives in time costs nothing for it.
"""

from __future__ import annotations

import logging
import secrets
import struct
from contextlib import suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from milepost.api.cycles import Farewell
from milepost.api.incoming import Incoming
from milepost.api.last_answers import last_answer

logger = logging.getLogger("milepost.api")

HEAD_SECONDS = 10.0
# for a body that makes no progress, and what one that came faster may save up for a break
BODY_SECONDS = 13.0
SAVED_SECONDS = 45.0
# for a client that takes nothing of what it asked for
UNREAD_SECONDS = 60.0
# for one that still sends when it has its answer, which closing at once would take back (RFC 9112, 9.6), and for the
# beginning of an answer to one that has closed its side: it may want it, or be gone
FAREWELL_SECONDS = 2.0
FAREWELL_BYTES = 16 * 1024 * 1024
# bytes a second, in both directions: whoever keeps this pace is never cut off
SLOWEST = 1024
TICKS_PER_SECOND = 10


class Connection(Incoming):
    """Who is waited for, and for how long.

    `waited`, `unread`: the seconds in which the client neither sent what it had begun nor took what it had asked for,
    less one for every `SLOWEST` bytes that it did, `credited` of which were counted. `left`: bytes that it had not
    taken at the last look. `in_vain`: bytes of a body whose request has its answer. `refusal`: the last answer, which
    waits for those to the requests before it. `leaving`: all is said, and what still comes is thrown away for a moment.
    """

    leaving = False
    in_vain = 0
    half_closed = False
    credited = 0
    waited = 0.0
    unread = 0.0
    left = 0
    refusal = b""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.farewell: Any = Farewell(transport, self._close)

    def data_received(self, data: bytes) -> None:
        if self.leaving:
            self._throw_away(data)
            return
        super().data_received(data)
        if self.in_body and self.cycle.response_complete:
            self.in_vain += len(data)
            if self.in_vain > FAREWELL_BYTES:
                self._leave()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the other direction stays open: for who is still owed an answer."""
        if not self.half_closed and self._owes_an_answer():
            self.half_closed, self.cycle.keep_alive, self.waited = True, False, 0.0
        return self.half_closed

    def _owes_an_answer(self) -> bool:
        if not self._answering() or self.scheme != "http":
            return False
        return not (self.cycle.response_started or self.in_body or self.leaving)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.waited, self.in_vain = 0.0, 0

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.cycle.transport = self.farewell
        self.waited, self.credited = 0.0, 0

    def on_response_complete(self) -> None:
        last = not self.pipeline
        super().on_response_complete()
        if last and self.refusal and not (self.leaving or self.transport.is_closing()):
            self._end(self.refusal)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.unread, self.left = 0.0, self._not_taken()

    def look(self, seconds: float) -> None:
        """Ends what has kept us waiting for too long. `seconds`: since the last look."""
        if self.flow.write_paused:
            self._look_at_what_is_taken(seconds)
        elif self.transport.is_closing():
            return
        elif self.leaving or (self.half_closed and not self.cycle.response_started):
            self._look_at_who_leaves(seconds)
        elif self._awaited():
            self._look_at_what_comes(seconds)

    def _look_at_what_is_taken(self, seconds: float) -> None:
        # nothing is added while writing is paused: whatever is missing has been taken
        before, self.left = self.left, self._not_taken()
        self.unread = max(0.0, self.unread + seconds - max(0, before - self.left) / SLOWEST)
        if self.unread > UNREAD_SECONDS:
            self.transport.abort()

    def _look_at_who_leaves(self, seconds: float) -> None:
        self.waited += seconds
        if self.waited >= FAREWELL_SECONDS:
            self.transport.abort()

    def _look_at_what_comes(self, seconds: float) -> None:
        """Of what comes behind a head, only the body is progress."""
        self.waited += seconds
        if not self.in_head:
            self.waited = max(-SAVED_SECONDS, self.waited - (self.carried - self.credited) / SLOWEST)
            self.credited = self.carried
        if self.waited > (HEAD_SECONDS if self.in_head else BODY_SECONDS):
            self.refuse("request-timeout")

    def _not_taken(self) -> int:
        """Bytes on their way to the client. Most are in the kernel, which asks for more in large steps only."""
        size = self.transport.get_write_buffer_size()
        # where it cannot be asked, the steps are all there is to see
        with suppress(ImportError, OSError, ValueError):
            import fcntl  # noqa: PLC0415 - not on every platform
            import termios  # noqa: PLC0415

            told = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
            size += struct.unpack("i", told)[0]
        return size

    def _awaited(self) -> bool:
        """Whether it is the client's turn. Between requests the server has a time limit of its own."""
        if self.in_head or self.refusal:
            return not self._answering()
        return self.in_body and (self.gate.resting or not self.gate.read_paused)

    def _answering(self) -> bool:
        """Whether a request that came in whole is still at work: others may be sent behind it."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def refuse(self, slug: str, detail: str | None = None) -> None:
        """With an answer behind those to earlier requests, and without one where its own has begun."""
        request_id = f"w{secrets.token_hex(6)}"
        logger.info("request %s of %s refused: %s", request_id, self.client[0] if self.client else "?", slug)
        answer = last_answer(slug, detail, request_id, self.server_state.default_headers)
        self.deaf = True
        if self._earlier():
            self.refusal = answer
        else:
            self._end(b"" if self.in_body and self.cycle.response_started else answer)

    def _earlier(self) -> bool:
        """Whether requests before the refused one are still at work. If it waits behind them itself, it is dropped."""
        if self.in_head:
            return self._answering()
        if not self.pipeline:
            return False
        self.pipeline.popleft()
        return True

    def _end(self, answer: bytes) -> None:
        cycle: Any = self.cycle
        if cycle is not None:
            cycle.disconnected, cycle.waiting_for_100_continue = True, False
            cycle.message_event.set()
        self.transport.write(answer)
        self._leave()

    def _close(self) -> None:
        """As an answer asks for it that is the last one."""
        if self.in_body or self.pipeline or self.held:
            self._leave()
        else:
            self.transport.close()

    def _leave(self) -> None:
        """Listens no more, but not as if nobody had ever listened."""
        self.deaf, self.leaving = True, True
        self.waited, self.arrived, self.held, self.gate.full = 0.0, 0, b"", False
        self.pipeline.clear()
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()

    def _throw_away(self, data: bytes) -> None:
        self.arrived += len(data)
        # nobody reads who still sends so much
        if self.arrived > FAREWELL_BYTES:
            self.transport.abort()


class Server(uvicorn.Server):
    """Looks at every connection once a second."""

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_SECOND == 0:
            for connection in list(self.server_state.connections):
                if isinstance(connection, Connection):
                    connection.look(1.0)
        return await super().on_tick(counter)


def configured(app: ASGIApp, *, trusted_proxies: str = "", **given: Any) -> uvicorn.Config:
    """What every server of ours has: no word about itself, no other protocol, no log line per request.

    `trusted_proxies`: addresses, with commas between, that may say for whom they ask.
    """
    # the server believes everybody on its own machine unless it is told otherwise
    given |= {"proxy_headers": bool(trusted_proxies), "forwarded_allow_ips": trusted_proxies}
    return uvicorn.Config(
        app, http=Connection, ws="none", access_log=False, log_config=None, server_header=False, **given
    )
