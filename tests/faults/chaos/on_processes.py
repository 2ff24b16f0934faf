"""Faults of processes, and of the handlers that run in them."""

from __future__ import annotations

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
    """A job whose handler does what the fault is called; it may be tried twice, for two seconds each."""
    if stage.site.breakage is not None:
        raise NotDone("the broken product has no such handlers")
    blocked = f" {stage.lease * (1 + fault.chance):.1f}" if fault.name == "handler blocks" else ""
    accepted = await stage.load.submit(
        "executions",
        prompt=f"[[{fault.name}{blocked}]] Do not do that.",
        model="offline/extract",
        max_attempts=2,
        timeout_seconds=2,
    )
    if not accepted:
        raise NotDone("the job was not accepted")
