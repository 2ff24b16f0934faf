"""Single submits over HTTP beside a bare route with the same request model that does nothing. Both in their own process."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from benchmarks.stage import Place, Servers
from milepost.db.urls import plain_url
from milepost.domain.api_key import CHANCE_BYTES, hash_key, make_key

BODY = json.dumps({"prompt": "Say nothing.", "model": "offline/extract", "max_tokens": 16}).encode()
CONNECTIONS = 100


@asynccontextmanager
async def server(app: str, **environment: str) -> AsyncIterator[int]:
    """uvicorn with uvloop in a process of its own; ends with the block."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.http_server", app, str(port),
        env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        if b"ready" not in await asyncio.wait_for(process.stdout.readline(), 60):
            raise RuntimeError(f"the {app} server did not start")
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def bare(count: int) -> float:
    async with server("bare") as port:
        return await _load(port, count, "none")


async def submits(place: Place, on: Servers, count: int) -> float:
    key = await _key(place)
    url = place.owner_url.rsplit("@", 1)[1]
    async with server(
        "milepost",
        BENCH_DATABASE_URL=f"postgresql://milepost_default_app:bench@{url}",
        BENCH_REDIS_URL=on.redis_url,
    ) as port:
        return await _load(port, count, key)


async def _key(place: Place) -> str:
    key = make_key(os.urandom(CHANCE_BYTES))
    owner = await asyncpg.connect(plain_url(place.owner_url))
    await owner.execute("UPDATE users SET role = 'operator' WHERE id = $1", place.user_id)
    await owner.execute("INSERT INTO llm_models (id, provider_id, model_name, model_class, synced_at)"
                        " VALUES (1, 'offline', 'offline/extract', 'standard', now())")  # fmt: skip
    await owner.execute(
        "INSERT INTO api_keys (user_id, name, key_hash, key_prefix, scopes) VALUES ($1, 'bench', $2, $3, $4)",
        place.user_id, hash_key(key.text), key.text[:8], ["job:submit", "job:read"],
    )  # fmt: skip
    await owner.close()
    return key.text


async def _load(port: int, count: int, key: str) -> float:
    """Requests per second over `CONNECTIONS` kept-open connections; every answer must be 202."""
    head = (
        f"POST /v1/executions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    ).encode()
    request = head + BODY
    await _connection(port, request, iter(range(50)))  # warms caches and pools
    todo = iter(range(count))
    began = time.perf_counter()
    await asyncio.gather(*(_connection(port, request, todo) for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - began)


async def _connection(port: int, request: bytes, todo: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in todo:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 202"):
                raise RuntimeError(head.decode(errors="replace") + (await reader.read(2000)).decode(errors="replace"))
            lower = head.lower()
            start = lower.index(b"content-length:") + 15
            await reader.readexactly(int(lower[start : lower.index(b"\r\n", start)]))
    finally:
        writer.close()
