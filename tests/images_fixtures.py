"""Image tasks end to end without the cost of drawing: a small renderer behind the same port, a real store and database."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from milepost.db.tenants import TenantDatabase
from milepost.domain.job import Job
from milepost.engine.api_keys import ensure_user
from milepost.engine.attempt import Workshop
from milepost.engine.attempts import Attempts
from milepost.engine.read_job import read_job
from milepost.engine.submit import bell, new_job, submit
from milepost.kinds.images import KIND
from milepost.kinds.images.requests import CreateImageTask
from milepost.storage import Store, local_store
from tests.factories import Bells
from workers.images.handler import Studio, run
from workers.images.port import Picture, RendererError, Report

REQUEST = {
    "prompt": "A small devil who eats thunder",
    "title": "雷鳴の王子",
    "character_name": "ゴロゴン",
    "attribute": "悪魔",
    "rarity": "ヘッド",
    "background_color": "#7a1fa2",
}
WEEK = 7 * 24 * 3600


def png(colour: int) -> bytes:
    """A picture of one pixel."""
    return square(1, colour)


def square(side: int, colour: int) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress((b"\x00" + colour.to_bytes(3, "big") * side) * side)
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@dataclass(eq=False)
class Brush:
    """A renderer that paints one pixel in the colour of its input. `errors` are raised first, one a call."""

    version: str = "brush/1"
    tokens: int = 0
    errors: list[RendererError] = field(default_factory=list)
    stages: tuple[tuple[int, str], ...] = ((25, "ground"), (90, "finish"), (95, "encoded"))
    keys: list[str] = field(default_factory=list)
    sources: list[bytes | None] = field(default_factory=list)
    gate: asyncio.Event | None = None
    began: asyncio.Event = field(default_factory=asyncio.Event)

    async def render(self, wanted: Mapping[str, Any], source: bytes | None, report: Report, key: str) -> Picture:
        self.keys.append(key)
        self.sources.append(source)
        self.began.set()
        if self.errors:
            raise self.errors.pop(0)
        for percent, stage in self.stages:
            await report(percent, stage)
        if self.gate is not None:
            await self.gate.wait()
        colour = zlib.crc32(repr((sorted(wanted.items()), source)).encode()) & 0xFFFFFF
        return Picture(png(colour), 1, 1, wanted["seed"] or 7, self.version, self.tokens)


@dataclass(eq=False)
class Easel:
    """A worker of image tasks, led by hand."""

    database: TenantDatabase
    store: Store
    brush: Brush
    user_id: UUID
    bells: Bells = field(default_factory=Bells)
    name: str = "w1"

    def __post_init__(self) -> None:
        async def databases(_: str) -> TenantDatabase:
            return self.database

        ports = {"store": self.store, "images": Studio(self.brush, WEEK)}
        self.desk = Attempts(
            Workshop(
                worker=self.name, handlers={KIND.name: run}, kinds={KIND.name: KIND}, databases=databases,
                ringer=self.bells, chance=lambda: 0.5, ports=ports,
            )
        )  # fmt: skip

    async def submit(self, user_id: UUID | None = None, **changes: Any) -> Job:
        request = CreateImageTask.model_validate({**REQUEST, **changes})
        new = new_job(KIND, request, ids=uuid7, actor="key:test", user_id=user_id or self.user_id)
        return (await submit(self.database, KIND, new, Bells())).job

    async def claim(self, *jobs: Job) -> list[Any]:
        claimed = await self.desk.claim(KIND.name, [bell(self.database, job) for job in jobs])
        return claimed.attempts

    async def work(self, *jobs: Job) -> list[Job]:
        """Claims and runs all of them at once; answers them as they are then."""
        await asyncio.gather(*(self.desk.run(attempt) for attempt in await self.claim(*jobs)))
        return [await self.now(job) for job in jobs]

    async def draw(self, user_id: UUID | None = None, **changes: Any) -> Job:
        (job,) = await self.work(await self.submit(user_id, **changes))
        return job

    async def now(self, job: Job) -> Job:
        return await read_job(self.database, KIND.table, job.id)

    async def user(self) -> UUID:
        return await ensure_user(self.database, role="maker", name="Somebody else")

    async def result(self, **changes: Any) -> dict[str, Any]:
        return shown(await self.draw(**changes))["result"]


def shown(job: Job) -> dict[str, Any]:
    return KIND.answer(job)


@pytest.fixture
async def easel(database: TenantDatabase, tmp_path: Path) -> Easel:
    user = await ensure_user(database, role="maker", name="Somebody")
    return Easel(database, local_store(tmp_path / "files"), Brush(), user)
