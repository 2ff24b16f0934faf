"""The ceiling: the same grouped statements in a bare loop, groups of 500 on two connections, nothing around them."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

from benchmarks.jobs import GROUP, insert, new_jobs
from benchmarks.stage import Place
from milepost.db import statements
from milepost.db.submits import submit_statement
from milepost.domain.machine import By
from milepost.kinds.executions import KIND

TABLE = KIND.table
DONE = TABLE.machine.edge("RUNNING", "COMPLETED", "completed", By.WORKER)
COLUMNS: tuple[str, ...] = ()


async def drain(place: Place, count: int) -> float:
    """Claims and finishes per second."""
    ids = await insert(place, new_jobs(place, count))
    claim = statements.claim(TABLE)
    finish = statements.move(TABLE, DONE, COLUMNS, noted=False, delayed=False, attempt_step=0)

    async def work(group: list[UUID], connection: Any) -> None:
        rows = await connection.fetch(claim, group, [1] * len(group), "ceiling", 20.0)
        done = [row["id"] for row in rows]
        moved = await connection.fetch(finish, done, [2] * len(done), ["worker:ceiling"] * len(done))
        if len(moved) != len(group):
            raise RuntimeError("the ceiling's own statements missed a job")

    return await _timed(place, ids, work)


async def submit(place: Place, count: int) -> float:
    """Inserts per second, arguments being made beforehand."""
    jobs = new_jobs(place, count)
    groups = [submit_statement(TABLE, jobs[i : i + GROUP]) for i in range(0, count, GROUP)]

    async def work(group: tuple[str, list[Any]], connection: Any) -> None:
        sql, arrays = group
        await connection.fetch(sql, *arrays)

    return count / await _seconds(place, groups, work)


async def _timed(place: Place, ids: list[UUID], work: Any) -> float:
    groups = [ids[i : i + GROUP] for i in range(0, len(ids), GROUP)]
    return len(ids) / await _seconds(place, groups, work)


async def _seconds(place: Place, groups: list[Any], work: Any) -> float:
    todo = list(reversed(groups))

    async def lane() -> None:
        async with place.database.pool.acquire() as connection:
            while todo:
                await work(todo.pop(), connection)

    began = time.perf_counter()
    await asyncio.gather(lane(), lane())
    return time.perf_counter() - began
