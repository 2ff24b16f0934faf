"""The application behind the server that `milepost api` runs, asked by bytes on a socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest_asyncio
from uvicorn.server import ServerState

from milepost.api.connections import Connection, Server, configured
from tests.api_fixtures import House

PATH = "/v1/executions"
HOST = "Host: milepost.test\r\n"
NEXT = f"GET /healthz HTTP/1.1\r\n{HOST}\r\n"
GOOD = '{"prompt":"a","model":"offline/extract"}'
CHUNKED = "Transfer-Encoding: chunked\r\n"


@dataclass(frozen=True)
class Wire:
    """One server. `send` is all that most tests need."""

    port: int
    server: Server

    async def full(self) -> Connection:
        """The one connection, once more was answered on it than it takes at the moment."""
        while True:
            for connection in self.server.server_state.connections:
                if isinstance(connection, Connection) and connection.flow.write_paused:
                    return connection
            await asyncio.sleep(0.01)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, *parts: str | bytes, pause: float = 0.0, within: float = 10.0) -> bytes:
        """Everything that is answered until the other end closes."""
        reader, writer = await self.open()
        try:
            for part in parts:
                writer.write(in_bytes(part))
                await writer.drain()
                await asyncio.sleep(pause)
            async with asyncio.timeout(within):
                return await reader.read()
        finally:
            writer.close()


@pytest_asyncio.fixture
async def wire(house: House) -> AsyncIterator[Wire]:
    async with served(house.app) as wire:
        yield wire


@asynccontextmanager
async def served(app: Any, **given: Any) -> AsyncIterator[Wire]:
    server = Server(configured(app, host="127.0.0.1", port=0, lifespan="off", timeout_graceful_shutdown=1, **given))
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.01)
    try:
        yield Wire(server.servers[0].sockets[0].getsockname()[1], server)
    finally:
        server.should_exit = True
        await task


def in_bytes(part: str | bytes) -> bytes:
    return part.encode("latin-1") if isinstance(part, str) else part


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def statuses_of(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1.1 (\d+)", answer)]


def problem_of(answer: bytes) -> Any:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head.lower()
    assert b"connection: close" in head.lower()
    return json.loads(body)


def get(path: str, extra: str = "", version: str = "1.1") -> str:
    """On a connection that the server keeps, so that what comes behind is read."""
    return f"GET {path} HTTP/{version}\r\n{HOST}{extra}\r\n"


def post(key: str, extra: str, body: str = "") -> str:
    return (
        f"POST {PATH} HTTP/1.1\r\n{HOST}Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"{extra}\r\n{body}"
    )


def chunk(text: str, extension: str = "") -> str:
    return f"{len(text):x}{extension}\r\n{text}\r\n"


class Transport(asyncio.Transport):
    """Where a connection's answer goes that no socket carries."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def can_write_eof(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@asynccontextmanager
async def begun(house: House, *, framed: str) -> AsyncIterator[tuple[Connection, Transport]]:
    """A connection on which the head of a submit has come. The test sends the rest, and looks."""
    config = configured(house.app, lifespan="off")
    config.load()
    connection, transport = Connection(config, ServerState(), {}), Transport()
    connection.connection_made(transport)
    key = (await house.caller()).key
    connection.data_received(post(key, framed).encode())
    yield connection, transport
    connection.connection_lost(None)
    await asyncio.gather(*connection.tasks)


def sent(connection: Connection, *pieces: bytes) -> None:
    """One of them in each second."""
    for piece in pieces:
        connection.data_received(piece)
        connection.look(1.0)
