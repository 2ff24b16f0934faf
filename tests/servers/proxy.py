"""A TCP proxy on loopback: it loses answers, cuts, refuses, delays, and holds back what either side says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Passes bytes on to `host:port`. `lose_answers(n)` cuts the next n connections when the server answers.

    `refuses` and `delay` (seconds, for every piece of data) may be set at any time; `asks` and `answers` are open gates:
    what meets a closed one waits, as packets do that are sent again and again. `hindered` counts what met any of it.
    `target` is where the next connection leads; those that are open stay where they are.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self._losing = 0
        self._both: set[asyncio.StreamWriter] = set()
        self.lost = self.hindered = 0
        self.port = 0
        self.refuses = False
        self.delay = 0.0
        self.asks, self.answers = asyncio.Event(), asyncio.Event()
        self.asks.set()
        self.answers.set()

    def lose_answers(self, count: int) -> None:
        self._losing = count

    def cut(self) -> None:
        """Every connection, by a reset."""
        self.hindered += len(self._both) // 2
        for writer in self._both:
            writer.transport.abort()

    def fall_silent(self) -> None:
        """For the connections that are open, for ever: nothing that either side says arrives. New ones are as they were."""
        self.hindered += len(self._both) // 2
        self.asks.clear()
        self.answers.clear()
        self.asks, self.answers = asyncio.Event(), asyncio.Event()
        self.asks.set()
        self.answers.set()

    def heal(self) -> None:
        self.refuses, self.delay, self._losing = False, 0.0, 0
        self.asks.set()
        self.answers.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.refuses:
                self.hindered += 1
                raise ConnectionRefusedError
            up_reader, up_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        self._both |= {writer, up_writer}
        both = [
            asyncio.create_task(self._pass(reader, up_writer, answers=False)),
            asyncio.create_task(self._pass(up_reader, writer, answers=True)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for side in (writer, up_writer):
                side.close()
            self._both -= {writer, up_writer}
            for task in both:
                task.cancel()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        gate = self.answers if answers else self.asks
        with suppress(OSError):
            while data := await source.read(65536):
                if answers and self._losing:
                    self._losing -= 1
                    self.lost += 1
                    self.hindered += 1
                    return
                self.hindered += not gate.is_set() or self.delay > 0
                await gate.wait()
                if self.delay:
                    await asyncio.sleep(self.delay)
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
        made.cut()
