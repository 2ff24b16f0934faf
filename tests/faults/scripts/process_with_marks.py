"""The command line, with executions whose prompts are marked misbehaving: `[[raises]]`, `[[hangs]]`, `[[exits]]` …"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import time
from pathlib import Path

import workers.executions
from milepost.cli.app import main
from milepost.domain.job import Job
from milepost.domain.outcome import Outcome
from milepost.engine.context import Context

MARK = re.compile(r"^\[\[handler (raises|hangs|blocks|exits|eats memory) ?([\d.]*)\]\]")
ROOM, MOUTHFUL = 256 * 1024 * 1024, 16 * 1024 * 1024
run = workers.executions.run


async def marked(job: Job, ctx: Context) -> Outcome:
    if mark := MARK.match(job["prompt"]):
        await misbehave(mark[1], float(mark[2] or 1))
    return await run(job, ctx)


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


workers.executions.run = marked
main()
