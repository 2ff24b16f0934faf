"""A TCP proxy on loopback that can lose an answer: what was asked is done, and nobody hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Passes bytes on to `host:port`. `lose_answers(n)` cuts the next n connections when the server answers."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._losing = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost = 0
        self.port = 0

    def lose_answers(self, count: int) -> None:
        self._losing = count

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        both = [
            asyncio.create_task(self._pass(reader, up_writer, answers=False)),
            asyncio.create_task(self._pass(up_reader, writer, answers=True)),
        ]
        self._tasks.update(both)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for side in (writer, up_writer):
            side.close()
        for task in both:
            task.cancel()
            self._tasks.discard(task)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                if answers and self._losing:
                    self._losing -= 1
                    self.lost += 1
                    return
                sink.write(data)
                await sink.drain()


@asynccontextmanager
async def proxy(host: str, port: int) -> AsyncIterator[Proxy]:
    made = Proxy(host, port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
