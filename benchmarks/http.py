"""Submits over HTTP, one and many a request, beside a bare route that does nothing. Each server in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from benchmarks.stage import Place, Servers
from benchmarks.worker_process import application_url
from milepost.db.urls import plain_url
from milepost.domain.api_key import CHANCE_BYTES, hash_key, make_key
from milepost.net.child_process import ChildProcess

JOB = {"prompt": "Say nothing.", "model": "offline/extract", "max_tokens": 16}
CONNECTIONS = 100
BATCH = 500
BATCH_CONNECTIONS = 4


@asynccontextmanager
async def server(app: str, **environment: str) -> AsyncIterator[int]:
    """uvicorn with uvloop in a process of its own; ends with the block."""
    port = _free_port()
    child = await ChildProcess.start(
        [sys.executable, "-m", "benchmarks.http_server", app, str(port)],
        environment={**os.environ, **environment}, stdin=asyncio.subprocess.DEVNULL, stderr=None,
    )  # fmt: skip
    try:
        if await asyncio.wait_for(child.all_answers(100), 60) != b"ready":
            raise RuntimeError(f"the {app} server did not start")
        yield port
    finally:
        if child.process.returncode is None:
            child.process.terminate()
        await child.gone()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def bare(count: int) -> float:
    async with server("bare") as port:
        return await _load(port, _post("", JOB, "none"), count, CONNECTIONS)


async def submits(place: Place, on: Servers, count: int) -> float:
    """Jobs per second, one a request."""
    key = await make_api_key(place, "job:submit", "job:read")
    async with milepost(place, on) as port:
        return await _load(port, _post("", JOB, key), count, CONNECTIONS)


async def batches(place: Place, on: Servers, count: int) -> float:
    """Jobs per second, `BATCH` a request."""
    key = await make_api_key(place, "job:submit", "job:read")
    request = _post(":batch", {"jobs": [JOB] * BATCH}, key)
    async with milepost(place, on) as port:
        return BATCH * await _load(port, request, max(count // BATCH, BATCH_CONNECTIONS), BATCH_CONNECTIONS)


@asynccontextmanager
async def milepost(place: Place, on: Servers) -> AsyncIterator[int]:
    """The API in a process of its own."""
    urls = {"BENCH_DATABASE_URL": application_url(place), "BENCH_REDIS_URL": on.redis_url}
    async with server("milepost", **urls) as port:
        yield port


async def make_api_key(place: Place, *scopes: str) -> str:
    """Of the place's one user, an operator."""
    key = make_key(os.urandom(CHANCE_BYTES))
    owner = await asyncpg.connect(plain_url(place.owner_url))
    await owner.execute("UPDATE users SET role = 'operator' WHERE id = $1", place.user_id)
    await owner.execute("INSERT INTO llm_models (id, provider_id, model_name, model_class, synced_at)"
                        " VALUES (1, 'offline', 'offline/extract', 'standard', now()) ON CONFLICT DO NOTHING")  # fmt: skip
    await owner.execute(
        "INSERT INTO api_keys (user_id, name, key_hash, key_prefix, scopes) VALUES ($1, 'bench', $2, $3, $4)",
        place.user_id, hash_key(key.text), key.text[:8], list(scopes),
    )  # fmt: skip
    await owner.close()
    return key.text


def _post(verb: str, content: Any, key: str) -> bytes:
    body = json.dumps(content).encode()
    head = (
        f"POST /v1/executions{verb} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    return head + body


async def _load(port: int, request: bytes, count: int, connections: int) -> float:
    """Requests per second over kept-open connections; every answer must be 202."""
    await _connection(port, request, iter(range(connections // 2)))  # warms caches and pools
    todo = iter(range(count))
    began = time.perf_counter()
    await asyncio.gather(*(_connection(port, request, todo) for _ in range(connections)))
    return count / (time.perf_counter() - began)


async def _connection(port: int, request: bytes, todo: Any) -> None:
    async with connection(port) as ask:
        for _ in todo:
            await ask(request, 202)


class Unexpected(RuntimeError):
    """An answer with another status than the one asked for."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[Callable[[bytes, int], Awaitable[bytes]]]:
    """Asks and answers the body. Raises Unexpected for any other status than the one named."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)

    async def ask(request: bytes, status: int) -> bytes:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        start = lower.index(b"content-length:") + 15
        body = await reader.readexactly(int(lower[start : lower.index(b"\r\n", start)]))
        if int(head[9:12]) != status:
            raise Unexpected(int(head[9:12]), (head + body[:2000]).decode(errors="replace"))
        return body

    try:
        yield ask
    finally:
        writer.close()
