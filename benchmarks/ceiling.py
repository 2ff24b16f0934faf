"""The ceiling: the same grouped statements in a bare loop, groups of 500 on two connections, nothing around them."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from benchmarks.jobs import GROUP, insert, new_jobs
from benchmarks.speed import Speed, Stopwatch
from benchmarks.stage import Place
from milepost.db import statements
from milepost.db.submits import submit_statement
from milepost.domain.machine import By
from milepost.kinds.executions import KIND

TABLE = KIND.table
DONE = TABLE.machine.edge("RUNNING", "COMPLETED", "completed", By.WORKER)
COLUMNS: tuple[str, ...] = ()


async def drain(place: Place, count: int) -> Speed:
    """Claims and finishes."""
    ids = await insert(place, new_jobs(place, count))
    claim = statements.claim(TABLE)
    finish = statements.move(TABLE, DONE, COLUMNS, noted=False, delayed=False, attempt_step=0)

    async def work(group: list[UUID], connection: Any) -> None:
        rows = await connection.fetch(claim, group, [1] * len(group), "ceiling", 20.0)
        done = [row["id"] for row in rows]
        moved = await connection.fetch(finish, done, [2] * len(done), ["worker:ceiling"] * len(done))
        if len(moved) != len(group):
            raise RuntimeError("the ceiling's own statements missed a job")

    watch = await _watched(place, [ids[i : i + GROUP] for i in range(0, count, GROUP)], work)
    return watch.per(count)


async def submit(place: Place, count: int) -> Speed:
    """Inserts, arguments being made beforehand."""
    jobs = new_jobs(place, count)
    groups = [submit_statement(TABLE, jobs[i : i + GROUP]) for i in range(0, count, GROUP)]

    async def work(group: tuple[str, list[Any]], connection: Any) -> None:
        sql, arrays = group
        await connection.fetch(sql, *arrays)

    return (await _watched(place, groups, work)).per(count)


async def _watched(place: Place, groups: list[Any], work: Any) -> Stopwatch:
    todo = list(reversed(groups))

    async def lane() -> None:
        async with place.database.pool.acquire() as connection:
            while todo:
                await work(todo.pop(), connection)

    with Stopwatch() as watch:
        await asyncio.gather(lane(), lane())
    return watch
