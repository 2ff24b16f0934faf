"""A desk whose handler does as a job's prompt says, and neighbours that share its statements."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from milepost.db.tenants import TenantDatabase
from milepost.domain.job import Job
from milepost.domain.outcome import Done
from milepost.engine.attempt import Attempt, Workshop
from milepost.engine.attempts import Attempts
from milepost.engine.context import Context
from milepost.engine.read_job import read_job
from milepost.engine.submit import bell, submit_all
from milepost.kinds.executions import KIND
from tests.factories import Bells, new_execution

# whatever a handler may be, wrong ones among them
Handler = Callable[[Job, Context], Any]
INNOCENT, MODEL = "innocent", {"model": "offline/extract", "max_tokens": 1}


@dataclass(frozen=True)
class Bench:
    """One wrong attempt beside others, all claimed by one desk."""

    database: TenantDatabase
    desk: Attempts
    wrong: Attempt
    neighbours: list[Attempt]

    async def run(self) -> Job:
        """All at once. Answers what became of the wrong one."""
        async with asyncio.timeout(30):
            await asyncio.gather(*(self.desk.run(attempt) for attempt in [self.wrong, *self.neighbours]))
        return await self.now(self.wrong)

    async def now(self, attempt: Attempt) -> Job:
        return await read_job(self.database, KIND.table, attempt.job.id)

    async def unharmed(self) -> bool:
        """Whether the neighbours all ended well, at their first attempt."""
        jobs = [await self.now(attempt) for attempt in self.neighbours]
        return {(job.status, job.attempt, job["output"]) for job in jobs} <= {("COMPLETED", 1, "done")}


async def bench(
    database: TenantDatabase, handler: Handler, *, neighbours: int = 30, bells: Bells | None = None, **changes: Any
) -> Bench:
    def either(job: Job, ctx: Context) -> Any:
        return innocent(job, ctx) if job["prompt"] == INNOCENT else handler(job, ctx)

    either.__module__ = handler.__module__
    desk = desk_of(database, either, bells or Bells())
    columns = [{"prompt": prompt, "job_name": prompt, **MODEL} for prompt in ["wrong", *[INNOCENT] * neighbours]]
    wrong, *others = [new_execution(columns=one) for one in columns]
    news = [new_execution(columns=columns[0], **changes) if changes else wrong, *others]
    jobs = [one.job for one in await submit_all(database, KIND, news, Bells())]
    claimed = await desk.claim("execution", [bell(database, job) for job in jobs])
    first = next(attempt for attempt in claimed.attempts if attempt.job.id == jobs[0].id)
    return Bench(database, desk, first, [one for one in claimed.attempts if one is not first])


async def innocent(_: Job, ctx: Context) -> Done:
    await ctx.note({"stage": "beside"})
    await asyncio.sleep(0)
    return Done({"output": "done"})


def desk_of(database: TenantDatabase, handler: Callable[[Job, Context], Awaitable[Any]], bells: Bells) -> Attempts:
    async def databases(_: str) -> TenantDatabase:
        return database

    return Attempts(
        Workshop(
            worker="w1", handlers={"execution": handler}, kinds={"execution": KIND},
            databases=databases, ringer=bells, chance=lambda: 0.5, ports={},
        )
    )  # fmt: skip
