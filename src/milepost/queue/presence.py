"""Who is at work: every worker leaves a note in Redis that fades when the worker does."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from arq import ArqRedis

WORKERS_KEY = "milepost:workers"


@dataclass(frozen=True, slots=True)
class Presence:
    """One live worker. Times are seconds since 1970 by the worker's clock."""

    instance: str
    kinds: Sequence[str]
    running: int
    max_jobs: int
    started_at: float
    beat_at: float


def note_key(instance: str) -> str:
    return f"milepost:worker:{instance}"


async def show(redis: ArqRedis, presence: Presence, *, life: float) -> None:
    """Leaves the note for `life` seconds."""
    pipe: Any = redis.pipeline(transaction=False)
    pipe.set(note_key(presence.instance), orjson.dumps(asdict(presence)), px=int(life * 1000))
    # the list of names spares readers a scan of the whole key space
    pipe.zadd(WORKERS_KEY, {presence.instance: time.time()})
    await pipe.execute()


async def leave(redis: ArqRedis, instance: str) -> None:
    pipe: Any = redis.pipeline(transaction=False)
    pipe.delete(note_key(instance))
    pipe.zrem(WORKERS_KEY, instance)
    await pipe.execute()


async def present(redis: ArqRedis) -> list[Presence]:
    """The notes that have not faded; names without a note are cleared away."""
    client: Any = redis
    names: list[str] = [name.decode() for name in await client.zrange(WORKERS_KEY, 0, -1)]
    if not names:
        return []
    notes: list[bytes | None] = await client.mget([note_key(name) for name in names])
    faded = [name for name, note in zip(names, notes, strict=True) if note is None]
    if faded:
        await client.zrem(WORKERS_KEY, *faded)
    return [Presence(**orjson.loads(note)) for note in notes if note is not None]
