"""Lets a stock arq worker work our bells: the same desk behind arq's own loop."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from arq import Retry
from arq.worker import Function, func

from milepost.domain.bell import Bell
from milepost.queue import wire
from milepost.queue.desk import Desk
from milepost.queue.repeat import every

# the database counts attempts and time; arq's own limits must never be the first
NO_LIMIT = 1_000_000
DAY = timedelta(days=1)
AFTER_ERROR = timedelta(seconds=5)


def stock_functions(desk: Desk) -> list[Function]:
    """One arq function per kind, named like it, called with (tenant, job id, version)."""
    return [_function(desk, kind) for kind in desk.kinds]


def stock_options(desk: Desk, kind: str, *, beat_every: float = 5.0) -> dict[str, Any]:
    """Keyword arguments for a stock `arq.Worker` on a kind's queue, the renewal of leases included."""

    async def begin(ctx: dict[str, Any]) -> None:
        ctx["milepost"] = [
            asyncio.create_task(every(beat_every, desk.beat, name="renewing leases")),
            asyncio.create_task(every(1.0, tick, name="watching time-outs")),
        ]

    async def tick() -> None:
        desk.tick()

    async def end(ctx: dict[str, Any]) -> None:
        await desk.hand_back()
        for task in ctx.pop("milepost", ()):
            task.cancel()

    return {
        "functions": stock_functions(desk),
        "queue_name": wire.queue_name(kind),
        "keep_result": 0,
        "max_tries": NO_LIMIT,
        "job_serializer": wire.dump,
        "job_deserializer": wire.load,
        "expires_extra_ms": wire.BODY_LIFE_MS,
        "on_startup": begin,
        "on_shutdown": end,
    }


def _function(desk: Desk, kind: str) -> Function:
    async def work(ctx: dict[str, Any], tenant: str, job_id: str, version: int) -> None:  # noqa: ARG001
        bell = Bell(tenant, kind, UUID(job_id), version)
        try:
            claimed = await desk.claim(kind, [bell])
        except Exception as error:
            # any other exception would make arq destroy the bell
            raise Retry(AFTER_ERROR) from error
        for _, due in claimed.later:
            raise Retry(timedelta(seconds=max(due.timestamp() - time.time(), 0.2)))
        for attempt in claimed.attempts:
            await desk.run(attempt)

    return func(work, name=kind, keep_result=0, timeout=DAY, max_tries=NO_LIMIT)
