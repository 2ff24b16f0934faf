"""The loop: many ticks at their own pace, errors survived, one leader, a stop that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from milepost.db import sweeps
from milepost.db.connections import Patience
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.engine.lead import Lead
from milepost.engine.maintain import Tick, Upkeep, maintain
from milepost.kinds.executions import KIND
from milepost.queue.doorbell import Doorbell
from milepost.storage import local_store
from tests.db_fixtures import OPTIONS, Urls
from tests.engine import lives
from workers import maintenance as process


def counting(done: asyncio.Event, wanted: int) -> tuple[list[int], Callable[[], Any]]:
    calls: list[int] = []

    async def run() -> int:
        calls.append(1)
        if len(calls) >= wanted:
            done.set()
        return 1

    return calls, run


async def test_a_tick_that_fails_is_tried_again_and_delays_no_other(maintenance: TenantDatabase) -> None:
    stop, upkeep, forever = asyncio.Event(), Upkeep(), asyncio.Event()
    calls, run = counting(stop, 3)

    async def broken() -> int:
        raise RuntimeError("no")

    async def stuck() -> int:
        await forever.wait()
        return 0

    duties = [Tick("broken", 0.01, broken), Tick("stuck", 0.01, stuck), Tick("good", 0.01, run)]
    loop = asyncio.create_task(maintain(Lead(maintenance, "maintenance", "m1"), duties, stop, upkeep=upkeep))
    await stop.wait()
    forever.set()
    await loop

    assert len(calls) >= 3
    assert upkeep.errors["broken"] >= 1
    assert upkeep.handled["good"] == len(calls)


async def test_errors_are_counted_for_good_and_told_at_length_once_a_row(
    maintenance: TenantDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    stop, upkeep, outcomes = asyncio.Event(), Upkeep(), iter([False, False, True, False, True])

    async def shaky() -> int:
        good = next(outcomes, None)
        if good is None:
            stop.set()
        elif not good:
            raise RuntimeError("no")
        return 0

    await maintain(Lead(maintenance, "maintenance", "m1"), [Tick("shaky", 0.01, shaky)], stop, upkeep=upkeep)

    told = [bool(record.exc_info) for record in caplog.records if record.message.startswith("shaky failed")]
    assert upkeep.errors["shaky"] == 3
    assert told == [True, False, True]


async def test_only_the_leader_works_and_another_follows_when_it_stops(maintenance: TenantDatabase) -> None:
    first_stop, second_stop = asyncio.Event(), asyncio.Event()
    first_began, second_began = asyncio.Event(), asyncio.Event()
    _, first_run = counting(first_began, 1)
    second_calls, second_run = counting(second_began, 1)
    first = asyncio.create_task(
        maintain(Lead(maintenance, "maintenance", "m1", seconds=3), [Tick("work", 0.01, first_run)], first_stop)
    )
    await first_began.wait()
    second = asyncio.create_task(
        maintain(Lead(maintenance, "maintenance", "m2", seconds=0.3), [Tick("work", 0.01, second_run)], second_stop)
    )
    for _ in range(20):  # the second has asked for the lead by now, and was refused
        await maintenance.connections.run(lambda connection: connection.fetchval("SELECT 1"))
    assert second_calls == []

    first_stop.set()
    await first
    await asyncio.wait_for(second_began.wait(), 10)
    second_stop.set()
    await second


async def test_the_process_rescues_and_rings_for_a_tenant_while_anothers_database_is_away(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any, doorbell: Doorbell, tmp_path: Path
) -> None:
    job = await lives.running(database)
    lost = await lives.waiting(database)
    await lives.alter(owner, job, lives.LEASE_OVER)
    nowhere = await open_database(
        "away", "postgresql://nobody@127.0.0.1:9/nothing", DatabaseOptions(patience=Patience(whole=0.1, one_try=0.1))
    )
    stop, upkeep = asyncio.Event(), Upkeep()

    async def databases() -> list[TenantDatabase]:
        return [nowhere, maintenance]

    running = asyncio.create_task(
        process.run(
            databases, [KIND], doorbell, local_store(tmp_path), instance="m1", stop=stop, upkeep=upkeep,
            lease_seconds=3, more=lambda _: [Tick("watch", 0.05, rung)],
        )
    )  # fmt: skip

    async def rung() -> int:
        jobs = [await lives.now(database, job), await lives.now(database, lost)]
        bells = [_bell(job) for job in jobs]
        if [job.version for job in jobs] == [3, 1] and all(await doorbell.known(bells)):
            stop.set()
        return 0

    await asyncio.wait_for(running, 30)
    await nowhere.close()

    assert (await lives.now(database, job)).status == "PENDING"
    assert upkeep.handled["rescue executions"] == 1
    assert upkeep.errors["lead"] >= 1


async def test_a_table_that_has_grown_is_analysed_once_where_the_role_may(
    urls: Urls, maintenance: TenantDatabase, owner: Any
) -> None:
    await owner.execute("ALTER TABLE executions SET (autovacuum_enabled = false)")
    await owner.execute(
        "INSERT INTO executions (prompt, job_name, deadline_at) SELECT 'x', 'x', now() FROM generate_series(1, 600)"
    )
    await owner.execute("SELECT pg_stat_force_next_flush()")
    opened = await open_database("default", urls.owner, OPTIONS)

    assert "executions" not in await sweeps.analyze_new(maintenance, from_rows=500)
    assert "executions" in await sweeps.analyze_new(opened, from_rows=500)
    assert "executions" not in await sweeps.analyze_new(opened, from_rows=500)
    await opened.close()


def _bell(job: Any) -> Any:
    from milepost.domain.bell import Bell

    return Bell("default", "execution", job.id, job.version, job.priority, job.scheduled_at)
