"""Whether one key's costly pictures hold up another's small one: `python -m benchmarks.uploads [ROUNDS]`.

In each round a small picture is sent alone, beside seven costly ones of another key, and behind seven of its own. Its time
alone is what both others are divided by, in the same round and on the same machine.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import struct
import sys
import tempfile
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx2

from benchmarks.key_timing import dependencies
from benchmarks.stage import Place, place, servers
from milepost.api.app import create_app
from milepost.engine.api_keys import create_key
from milepost.engine.turns import Turns
from milepost.storage import local_store

ROUNDS = 5
MANY = 7
SMALL_SIDE, COSTLY_SIDE = 100, 5000


def png(side: int, colour: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def small() -> bytes:
    """30 KB."""
    return png(SMALL_SIDE, 2, b"".join(b"\x00" + os.urandom(SMALL_SIDE * 3) for _ in range(SMALL_SIDE)))


def costly() -> bytes:
    """25 megapixels."""
    return png(COSTLY_SIDE, 6, bytes(COSTLY_SIDE * (1 + COSTLY_SIDE * 4)))


class Sender:
    """One key."""

    def __init__(self, http: httpx2.AsyncClient, key: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}"}

    async def send(self, picture: bytes) -> float:
        """Seconds until it was kept."""
        began = perf_counter()
        answer = await self._http.post("/v1/images/sources", headers=self._headers, files={"file": ("a", picture)})
        if answer.status_code != httpx2.codes.CREATED:
            raise RuntimeError(f"{answer.status_code}: {answer.text}")
        return perf_counter() - began


@asynccontextmanager
async def stage() -> AsyncGenerator[tuple[Sender, Sender, Turns]]:
    with servers() as on, tempfile.TemporaryDirectory() as folder:
        async with place(on) as here:
            deps = replace(dependencies(here, on), store=local_store(Path(folder)))
            app = create_app(deps)
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://bench", timeout=None) as http:
                yield Sender(http, await _key(here)), Sender(http, await _key(here)), deps.pictures
            await deps.feeds.close()
            await app.state.deps.ringer.aclose()


async def _key(here: Place) -> str:
    key, _ = await create_key(
        here.database, user_id=here.user_id, name="bench", scopes=["job:submit"], chance=secrets.token_bytes(32),
        pepper=None, actor="cli:bench",
    )  # fmt: skip
    return key.text


async def beside(light: Sender, heavy: Sender, turns: Turns, pictures: tuple[bytes, bytes]) -> float:
    """Seconds for the small one, once all costly ones are in hand."""
    many = [asyncio.create_task(heavy.send(pictures[1])) for _ in range(MANY)]
    while turns.counts["there"] < MANY:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0)
    took = await light.send(pictures[0])
    await asyncio.gather(*many)
    return took


async def main(rounds: int) -> None:
    pictures = small(), costly()
    alone, others, own = [], [], []
    async with stage() as (light, heavy, turns):
        for _ in range(rounds):
            alone.append(await light.send(pictures[0]))
            others.append(await beside(light, heavy, turns, pictures))
            own.append(await beside(heavy, heavy, turns, pictures))
    print(
        f"a picture of {len(pictures[0]) / 1000:.0f} KB until it is kept, median of {rounds} rounds on {os.cpu_count()} cores"
    )
    for name, times in (
        ("alone", alone),
        (f"beside {MANY} of another key", others),
        (f"behind {MANY} of its own", own),
    ):
        ratio = median(time / base for time, base in zip(times, alone, strict=True))
        print(f"{name:>26} {median(times) * 1000:7.0f} ms   {ratio:5.1f} times")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS))
