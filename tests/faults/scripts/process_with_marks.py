"""The command line, with jobs whose prompts are marked misbehaving: `[[handler raises]]`, `[[handler hangs]]` …"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import time
from pathlib import Path

import workers.executions
import workers.images
from milepost.cli.app import main
from milepost.domain.job import Job
from milepost.domain.outcome import Outcome
from milepost.engine.attempt import Handler
from milepost.engine.context import Context

MARK = re.compile(r"^\[\[handler (raises|hangs|blocks|exits|eats memory|lingers) ?([\d.]*)\]\]")
ROOM, MOUTHFUL = 256 * 1024 * 1024, 16 * 1024 * 1024
run = workers.executions.run


async def execution(job: Job, ctx: Context) -> Outcome:
    return await marked(job["prompt"], run, job, ctx)


async def image(job: Job, ctx: Context) -> Outcome:
    from workers.images.handler import run  # here, because most processes begin without it

    return await marked(json.loads(job["data"])["prompt"], run, job, ctx)


async def marked(prompt: str, handler: Handler, job: Job, ctx: Context) -> Outcome:
    mark = MARK.match(prompt)
    how, seconds = (mark[1], float(mark[2] or 1)) if mark else ("", 0)
    if how == "lingers":
        outcome = await handler(job, ctx)
        # nothing is written any more before the result: who loses the job now learns it from the fence alone
        await asyncio.sleep(seconds)
        return outcome
    if how:
        await misbehave(how, seconds)
    return await handler(job, ctx)


async def misbehave(how: str, seconds: float) -> None:
    match how:
        case "raises":
            raise RuntimeError("on request")
        case "hangs":
            await asyncio.Event().wait()
        case "blocks":
            time.sleep(seconds)
        case "exits":
            os._exit(86)
        case _:
            eat()


def eat() -> None:
    """Until there is no more, which is soon: what the process has, and a little."""
    before, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, hard))
    try:
        eaten = []
        while True:
            eaten.append(bytearray(os.urandom(1024)) * (MOUTHFUL // 1024))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, hard))


workers.executions.run = execution
workers.images.run = image
main()
