"""Stickers per second: drawn through the real handler on every core, and given again from the cache."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.stage import Place
from milepost.db.ids import new_id
from milepost.db.submits import NewJob
from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell
from milepost.engine.attempt import Workshop
from milepost.engine.attempts import Attempts
from milepost.engine.submit import new_job
from milepost.kinds.images import KIND
from milepost.kinds.images.requests import CreateImageTask
from milepost.storage import local_store
from workers.images.builtin import open_renderer
from workers.images.handler import Studio, run
from workers.images.studio import CORES

PAIRS = [
    (attribute, rarity)
    for attribute in ("悪魔", "お守り", "天使")
    for rarity in ("ノーマル", "レア", "スーパーレア", "ヘッド")
]
AT_ONCE = 4 * CORES


class Silent:
    """Nobody waits for a bell here."""

    def ring_soon(self, bells: Any) -> None: ...

    async def ring(self, bells: Any) -> None: ...


def wanted(place: Place, number: int, seed: int) -> NewJob:
    attribute, rarity = PAIRS[number % len(PAIRS)]
    request = CreateImageTask.model_validate({
        "prompt": "A small creature of thunder", "title": "雷鳴の王子", "character_name": f"ゴロゴン{number % len(PAIRS)}",
        "attribute": attribute, "rarity": rarity, "background_color": "#7a1fa2", "seed": seed,
    })  # fmt: skip
    return new_job(KIND, request, ids=new_id, actor="key:bench", user_id=place.user_id)


async def stickers(place: Place, count: int, hits: int) -> tuple[float, float]:
    """Drawn per second and core, at full size; given from the cache per second, each read and checked."""
    with tempfile.TemporaryDirectory(prefix="milepost-bench-") as folder:
        async with open_renderer() as renderer:
            desk = _desk(place, Path(folder), renderer)
            await _run(place, desk, [wanted(place, number, 0) for number in range(CORES)])  # the processes start
            drawn = await _run(place, desk, [wanted(place, number, 1 + number) for number in range(count)])
            given = await _run(place, desk, [wanted(place, n % count, 1 + n % count) for n in range(hits)])
    return count / drawn / CORES, hits / given


def _desk(place: Place, folder: Path, renderer: Any) -> Attempts:
    async def databases(_: str) -> TenantDatabase:
        return place.database

    ports = {"store": local_store(folder), "images": Studio(renderer, 24 * 3600)}
    shop = Workshop(
        worker="bench", handlers={KIND.name: run}, kinds={KIND.name: KIND}, databases=databases, ringer=Silent(),
        chance=random.random, ports=ports,
    )  # fmt: skip
    return Attempts(shop)


async def _run(place: Place, desk: Attempts, new: list[NewJob]) -> float:
    """Seconds from the first claim to the last transition, as many at a time as a worker takes."""
    submitted = await place.database.ledger.submit_all(KIND.table, new)
    bells = [Bell("default", KIND.name, one.id, 1) for one in submitted]
    began = time.perf_counter()
    await _work(desk, bells)
    return time.perf_counter() - began


async def _work(desk: Attempts, bells: list[Bell]) -> None:
    async def lane() -> None:
        while bells:
            for attempt in (await desk.claim(KIND.name, [bells.pop()])).attempts:
                await desk.run(attempt)

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
