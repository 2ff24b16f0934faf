"""What sealing costs those who write: the same grouped submits with the sealer beside them and without, turn by turn.

Signature for benchmarks/__main__.py: ``async def sealing(on: Servers, jobs: int) -> dict[str, float]``. It makes and
drops databases of its own and answers the keys ``audit.sealed_rows_per_s``, ``audit.write_ratio`` (submits per second
with the sealer / without), ``audit.submit_sealed_per_s``, ``audit.submit_bare_per_s`` and ``audit.rows``.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from benchmarks.jobs import insert, new_jobs
from benchmarks.stage import Place, Servers, place
from milepost.db.migrate import upgrade
from milepost.db.tenants import DatabaseOptions, open_database
from milepost.domain.pseudonym import Veil
from milepost.engine.seal import Log, Sealer
from milepost.storage.anchors import AnchorFiles
from milepost.tenancy.install import ensure_database
from milepost.tenancy.signing import SigningKey

CONTROL = "bench_sealing_control"
EVERY = 2.0
PASSES = 3


async def sealing(on: Servers, jobs: int) -> dict[str, float]:
    """The best of three turns each way; the sealer's own speed is that of catching up with nobody writing."""
    bare, sealed, alone, rows = 0.0, 0.0, 0.0, 0
    for _ in range(PASSES):
        async with place(on) as here:
            bare = max(bare, await _submits(here, jobs))
        async with place(on) as here, _sealer(on, here) as (sealer, log):
            beside = asyncio.ensure_future(_ticks(sealer, log))
            sealed = max(sealed, await _submits(here, jobs))
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
        async with place(on) as here, _sealer(on, here) as (sealer, log):
            await insert(here, new_jobs(here, jobs))
            began = time.perf_counter()
            rows = await sealer.seal(log, share=float("inf"))
            alone = max(alone, rows / (time.perf_counter() - began))
    return {
        "audit.sealed_rows_per_s": alone,
        "audit.write_ratio": sealed / bare,
        "audit.submit_sealed_per_s": sealed,
        "audit.submit_bare_per_s": bare,
        "audit.rows": rows,
    }


async def _submits(here: Place, jobs: int) -> float:
    made = new_jobs(here, jobs)
    began = time.perf_counter()
    await insert(here, made)
    return jobs / (time.perf_counter() - began)


async def _ticks(sealer: Sealer, log: Log) -> None:
    """As maintenance does it, but begun at once."""
    while True:
        await sealer.seal(log)
        await asyncio.sleep(EVERY)


@asynccontextmanager
async def _sealer(on: Servers, here: Place) -> AsyncIterator[tuple[Sealer, Log]]:
    url = await ensure_database(on.owner_url, CONTROL)
    await upgrade(url, "control")
    control = await open_database("control", url, DatabaseOptions())
    tenant = await open_database("default", here.owner_url, DatabaseOptions())
    with tempfile.TemporaryDirectory() as folder:
        sealer = Sealer(control, SigningKey(bytes(32)), AnchorFiles(Path(folder)), installation="benchmark")
        try:
            yield sealer, Log("default", tenant, Veil(bytes(32)).over)
        finally:
            await tenant.close()
            await control.close()
            admin = await asyncpg.connect(on.owner_url)
            await admin.execute(f'DROP DATABASE "{CONTROL}" WITH (FORCE)')
            await admin.close()
