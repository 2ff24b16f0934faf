"""A worker whose handler ends the whole process when it meets a poisonous prompt."""

from __future__ import annotations

import asyncio
import os
import random

from milepost.cli.process import ready
from milepost.domain.job import Job
from milepost.domain.outcome import Done, Outcome
from milepost.engine.attempt import Workshop
from milepost.engine.attempts import Attempts
from milepost.engine.context import Context
from milepost.kinds.executions import KIND
from milepost.queue.connection import connect
from milepost.queue.worker import Worker
from milepost.settings import Settings, load
from milepost.wiring import open_runtime, with_lease
from tests.servers.messages_api import answer_to


async def handler(job: Job, ctx: Context) -> Outcome:
    await ctx.progress(10, "swallowing")
    if "poison" in job["prompt"]:
        os._exit(86)
    await asyncio.sleep(0.05)
    return Done({"output": answer_to(job["prompt"])})


async def work(settings: Settings) -> None:
    async with open_runtime(settings, "worker") as runtime:
        kind = with_lease(KIND, settings.lease_seconds)
        shop = Workshop(
            worker=runtime.instance,
            handlers={kind.name: handler},
            kinds={kind.name: kind},
            databases=runtime.tenants.database,
            ringer=runtime.doorbell,
            chance=random.random,
            ports={},
        )
        worker = Worker(
            Attempts(shop),
            connect(settings.need("redis_url")),
            installation=runtime.installation,
            instance=runtime.instance,
            max_jobs=4,
            beat_every=kind.policy.lease.beat_every.total_seconds(),
            hold=kind.policy.lease.length.total_seconds(),
        )
        ready()
        await worker.async_run()


asyncio.run(work(load()))
