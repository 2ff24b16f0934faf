"""The promise on which all others rest: a worker that lost its job can change nothing any more.

Read this first. A job belongs to whoever moved it last: every write of a worker says at which version it knew the job,
and the database refuses it when the job has moved on since.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from milepost.db.tenants import TenantDatabase, open_database
from milepost.domain.job import Job
from milepost.domain.outcome import Done, Outcome
from milepost.engine.attempt import Workshop
from milepost.engine.attempts import Attempts
from milepost.engine.context import Context
from milepost.engine.read_job import read_job
from milepost.engine.rescue import rescue
from milepost.engine.submit import bell, submit
from milepost.engine.verify import verify
from milepost.kinds.executions import KIND
from tests.db_fixtures import OPTIONS, Urls
from tests.factories import Bells, new_execution


class Sleeper:
    """A handler that stands still in the middle of its work, as a stopped process does."""

    def __init__(self, *, reports: bool) -> None:
        self.asleep, self.wake = asyncio.Event(), asyncio.Event()
        self._reports = reports

    async def __call__(self, job: Job, ctx: Context) -> Outcome:
        self.asleep.set()
        await self.wake.wait()
        if self._reports:
            await ctx.progress(99, "by the late worker")
        return Done({"output": "by the late worker"})


async def prompt_handler(job: Job, ctx: Context) -> Outcome:
    return Done({"output": "by the prompt worker"})


@pytest.mark.parametrize(
    ("on_waking", "counted_as"), [("finishes", "rejected"), ("reports", "lost"), ("beats", "lost")]
)
async def test_a_late_worker_changes_nothing(
    database: TenantDatabase, other: TenantDatabase, owner: Any, on_waking: str, counted_as: str
) -> None:
    bells, sleeper = Bells(), Sleeper(reports=on_waking == "reports")
    late, prompt = worker("late", database, sleeper), worker("prompt", other, prompt_handler)

    # Act one: a worker begins the job and stands still until its lease is over.
    job = (await submit(database, KIND, new_execution(), bells)).job
    begun = await late.claim("execution", [bell(database, job)])
    sleeping = asyncio.create_task(late.run(begun.attempts[0]))
    await sleeper.asleep.wait()
    await owner.execute("UPDATE executions SET lease_expires_at = now() WHERE id = $1", job.id)

    # Act two: maintenance gives the job to another worker, which finishes it.
    assert await rescue(other, KIND, bells, actor="maintenance:m1") == 1
    begun = await prompt.claim("execution", bells.rung[-1:])
    await prompt.run(begun.attempts[0])
    finished = await read_job(database, KIND.table, job.id)
    assert (finished.status, finished["output"], finished.version) == ("COMPLETED", "by the prompt worker", 5)

    # Act three: the first worker wakes up and goes on as if nothing had happened. Nothing happens.
    if on_waking == "beats":
        await late.beat()
    sleeper.wake.set()
    await sleeping
    assert dict((await read_job(database, KIND.table, job.id)).row) == dict(finished.row)
    assert late.counts[counted_as] == 1
    assert await history(owner, job) == [
        ("PENDING", "key:test"),
        ("RUNNING", "worker:late"),
        ("PENDING", "maintenance:m1"),
        ("RUNNING", "worker:prompt"),
        ("COMPLETED", "worker:prompt"),
    ]
    assert (await verify(database, [KIND])).wrong == []


@pytest.fixture
async def other(urls: Urls) -> AsyncIterator[TenantDatabase]:
    """The same database with connections of its own."""
    opened = await open_database("default", urls.app, OPTIONS)
    yield opened
    await opened.close()


def worker(name: str, database: TenantDatabase, handler: Any) -> Attempts:
    """The desk of a worker process, without the process: `tests/faults` has the same story with real signals."""

    async def databases(_: str) -> TenantDatabase:
        return database

    return Attempts(
        Workshop(
            worker=name,
            handlers={"execution": handler},
            kinds={"execution": KIND},
            databases=databases,
            ringer=Bells(),
            chance=lambda: 0.5,
            ports={},
        )
    )


async def history(owner: Any, job: Job) -> list[tuple[str, str]]:
    rows = await owner.fetch(
        "SELECT to_status, actor FROM status_transitions WHERE job_id = $1 ORDER BY version", job.id
    )
    return [tuple(row) for row in rows]
