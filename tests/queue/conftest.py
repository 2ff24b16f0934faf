from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
from arq import ArqRedis

from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from milepost.queue.worker import Worker
from tests.queue.recording import RecordingDesk

INSTALLATION = "here"


class Hired(Worker):
    """With the task it works in."""

    shift: asyncio.Task[Any]


Hire = Callable[..., Hired]


@pytest.fixture
async def url(redis_server) -> AsyncIterator[str]:
    """A Redis database of this room's own, empty."""
    url = redis_server.url.removesuffix("/0") + "/9"
    client = connect(url)
    await client.flushdb()
    yield url
    await client.flushdb()
    await client.aclose()


@pytest.fixture
async def redis(url: str) -> AsyncIterator[ArqRedis]:
    client = connect(url)
    yield client
    await client.aclose()


@pytest.fixture
async def doorbell(url: str) -> AsyncIterator[Doorbell]:
    bell = Doorbell(connect(url, timeout=1.0), installation=INSTALLATION, patience=1.0)
    yield bell
    await bell.aclose()


@pytest.fixture
def desk() -> RecordingDesk:
    return RecordingDesk()


@pytest.fixture
async def hire(url: str) -> AsyncIterator[Hire]:
    """Starts workers; whoever still works at the end of the test is stopped."""
    staff: list[Hired] = []

    def start(desk: RecordingDesk, *, at: str = url, **options: Any) -> Hired:
        options = {"installation": INSTALLATION, "instance": f"worker-{uuid4()}", "handle_signals": False, **options}
        worker = Hired(desk, connect(at), **options)
        worker.shift = asyncio.create_task(worker.async_run())
        staff.append(worker)
        return worker

    yield start
    for worker in staff:
        worker.stop(now=True)
        await asyncio.wait({worker.shift})
        if not worker.shift.cancelled():
            worker.shift.exception()
        await worker.close()
