"""Server-sent events to a client that may be slow, or gone without a word."""

from __future__ import annotations

import asyncio

from starlette.responses import StreamingResponse
from starlette.types import Message, Send

from milepost import observe

# without anything to tell, so that nothing in between takes the line for dead
HEARTBEAT = 15.0
# a client that takes nothing for so long is gone
SENT_WITHIN = 30.0
# the stream is open before its first event is: a proxy and a client see that at once
OPENING = b"retry: 1000\n\n"


class EventStream(StreamingResponse):
    """Gives up on a client that does not take what it is sent."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        async def bounded(message: Message) -> None:
            async with asyncio.timeout(SENT_WITHIN):
                await send(message)

        try:
            await super().stream_response(bounded)
        except TimeoutError:
            observe.STREAMS_CUT.inc()
