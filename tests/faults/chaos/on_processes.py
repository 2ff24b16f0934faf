"""Faults of processes, and of the handlers that run in them."""

from __future__ import annotations

import random

from tests.faults.chaos import requests
from tests.faults.chaos.plan import Fault
from tests.faults.chaos.stage import NotDone, Stage


async def kill(stage: Stage, fault: Fault) -> None:
    post = stage.posts[fault.target]
    async with post.one_at_a_time:
        await post.kill()


async def term(stage: Stage, fault: Fault) -> None:
    post = stage.posts[fault.target]
    async with post.one_at_a_time:
        await post.terminate()


async def freeze(stage: Stage, fault: Fault) -> None:
    """Past the lease the process wakes up as a zombie: others have its jobs."""
    post = stage.posts[fault.target]
    async with post.one_at_a_time:
        await post.freeze(fault.seconds, lost=fault.seconds > stage.lease)


async def misbehave(stage: Stage, fault: Fault) -> None:
    """A job of either kind whose handler does what the fault is called; it may be tried twice, for two seconds each."""
    if stage.site.breakage is not None:
        raise NotDone("the broken product has no such handlers")
    blocked = f" {stage.lease * (1 + fault.chance):.1f}" if fault.name == "handler blocks" else ""
    dice, prompt = random.Random(fault.chance), f"[[{fault.name}{blocked}]] Do not do that."
    path = dice.choice(("executions", "executions", "images"))
    about = requests.image(dice) if path == "images" else {"model": requests.OFFLINE}
    if not await stage.load.submit(path, **{**about, "prompt": prompt, "max_attempts": 2, "timeout_seconds": 2}):
        raise NotDone("the job was not accepted")
