"""What sealing costs those who write: the same grouped submits with the sealer beside them and without, turn by turn.

Each turn writes for ten seconds at full scale, so that several of the sealer's rounds fall into it. The sealer shares the
process, too, which maintenance does not: what is measured is rather too much than too little.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from benchmarks.jobs import GROUP, new_jobs
from benchmarks.stage import Place, Servers, place
from milepost.db.migrate import upgrade
from milepost.db.tenants import DatabaseOptions, open_database
from milepost.domain.pseudonym import Veil
from milepost.engine.seal import Log, Sealer
from milepost.kinds.executions import KIND
from milepost.storage.anchors import AnchorFiles
from milepost.tenancy.install import ensure_database
from milepost.tenancy.signing import SigningKey

CONTROL = "bench_sealing_control"
EVERY = 2.0
PASSES = 2
WRITERS = 2
FULL = 20_000
SECONDS = 10.0
# at no speed of these machines; it only bounds memory and disk
MOST_GROUPS = 2_000


@dataclass(slots=True)
class Written:
    """Groups of one way of writing, over all its turns."""

    seconds: float = 0.0
    groups: list[float] = field(default_factory=list[float])

    @property
    def per_s(self) -> float:
        return len(self.groups) * GROUP / self.seconds

    @property
    def p99_ms(self) -> float:
        return statistics.quantiles(self.groups, n=100, method="inclusive")[98] * 1000


async def sealing(on: Servers, jobs: int) -> dict[str, float]:
    """The sealer's own speed is that of catching up with `jobs` rows and nobody writing, the better of two turns.

    Makes and drops databases of its own.
    """
    seconds = max(SECONDS * jobs / FULL, 1.5 * EVERY)
    bare, sealed, alone, beside = Written(), Written(), 0.0, 0
    for _ in range(PASSES):
        async with place(on) as here:
            await _write(here, seconds, bare)
        async with place(on) as here, _sealer(on, here) as (sealer, log):
            ticks = asyncio.ensure_future(_ticks(sealer, log))
            await _write(here, seconds, sealed)
            ticks.cancel()
            await asyncio.gather(ticks, return_exceptions=True)
            beside += sealer.sealing.rows.get(log.name, 0)
        async with place(on) as here, _sealer(on, here) as (sealer, log):
            for _ in range(max(jobs // GROUP, 1)):
                await here.database.ledger.submit_all(KIND.table, new_jobs(here, GROUP))
            began = time.perf_counter()
            rows = await sealer.seal(log, share=float("inf"))
            alone = max(alone, rows / (time.perf_counter() - began))
    return {
        "audit.write_ratio": sealed.per_s / bare.per_s,
        "audit.write_per_s": bare.per_s,
        "audit.write_sealed_per_s": sealed.per_s,
        "audit.write_p99_ms": bare.p99_ms,
        "audit.write_p99_sealed_ms": sealed.p99_ms,
        "audit.sealed_rows_per_s": alone,
        "audit.rows_written": len(sealed.groups) * GROUP,
        "audit.rows_sealed_beside": beside,
    }


async def _write(here: Place, seconds: float, written: Written) -> None:
    """Two writers, a group at a time each."""
    began = time.perf_counter()
    await asyncio.gather(*(_writer(here, began + seconds, written) for _ in range(WRITERS)))
    written.seconds += time.perf_counter() - began


async def _writer(here: Place, ends: float, written: Written) -> None:
    for _ in range(MOST_GROUPS):
        made = new_jobs(here, GROUP)
        began = time.perf_counter()
        if began >= ends:
            return
        await here.database.ledger.submit_all(KIND.table, made)
        written.groups.append(time.perf_counter() - began)


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
