"""PostgreSQL and Redis crash and come back, while the loop that all clients and proxies live in goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time

from milepost.embedded import EmbeddedPostgres, EmbeddedRedis
from milepost.embedded.child import Child
from milepost.embedded.server import EmbeddedServer
from tests.faults.ground import Ground

START_SECONDS = 120


class _Postgres(EmbeddedPostgres):
    """Its start returns at once."""

    def _launch(self) -> Child:
        return self._spawn()


class _Redis(EmbeddedRedis):
    """Its start returns at once."""

    def _launch(self) -> Child:
        return self._spawn()


async def crash_postgres(ground: Ground) -> float:
    """An immediate shutdown, no checkpoint, and a start that has to recover. Answers how long it was away."""
    began, port = time.monotonic(), ground.postgres.port
    await _end(ground.postgres, signal.SIGQUIT)
    ground.postgres = _Postgres(ground.folder / "postgres", port=port)
    await _begin(ground.postgres)
    return time.monotonic() - began


async def kill_redis(ground: Ground, seconds: float, *, forget: bool) -> None:
    """Away for that long. `forget`: with nothing that it knew."""
    port = ground.redis.port
    await _end(ground.redis, signal.SIGKILL)
    if forget:
        shutil.rmtree(ground.folder / "redis" / "appendonlydir", ignore_errors=True)
    await asyncio.sleep(seconds)
    ground.redis = _Redis(ground.folder / "redis", port=port)
    await _begin(ground.redis)


async def _end(server: EmbeddedServer, number: signal.Signals) -> None:
    os.kill(server.pid, number)
    while server.is_alive:  # noqa: ASYNC110 - the child is awaited by polling
        await asyncio.sleep(0.01)
    server.stop()  # it is dead: this gives the folder's lock back


async def _begin(server: EmbeddedServer) -> None:
    server.start()
    async with asyncio.timeout(START_SECONDS):
        while not await asyncio.to_thread(server._answers):
            assert server.is_alive, f"{server.name} ended at its start: {server.log.read_text()[-2000:]}"
            await asyncio.sleep(0.02)
