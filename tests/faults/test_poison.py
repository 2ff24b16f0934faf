"""A job that ends its worker's process every time: it uses up its attempts, and nobody else's."""

from __future__ import annotations

import asyncio
import time

from tests.faults.site import Site

ATTEMPTS = 2
NEIGHBOURS = 40


async def test_a_poison_job_ends_as_lost_and_blocks_no_neighbour(site: Site) -> None:
    starts = 0

    async def supervise() -> None:
        nonlocal starts
        while True:
            worker = await site.script("worker_with_poison")
            starts += 1
            await worker.ended(within=600)

    supervisor = asyncio.create_task(supervise())
    began = time.monotonic()
    (poison,) = await site.submit("poison", max_attempts=ATTEMPTS)
    neighbours = await site.submit(*(["food"] * NEIGHBOURS))
    fed = await site.until_ended(neighbours)
    ended = await site.until_ended([poison])
    supervisor.cancel()

    lost, others = await site.row(poison), await site.rows(neighbours)
    assert (lost["status"], lost["error_code"], lost["attempt"]) == ("FAILED", "WORKER_LOST", ATTEMPTS)
    assert [reason for _, reason in await site.history(poison)] == [
        "created",
        *["claimed", "lease_expired"] * ATTEMPTS,
    ]
    assert {row["status"] for row in others} == {"COMPLETED"}
    site.figure(f"poison job, {ATTEMPTS} attempts: until it was given up", ended - began)
    site.figure(f"poison job: until its {NEIGHBOURS} neighbours were done", fed - began)
    site.figure("poison job: attempts it cost its neighbours", sum(row["attempt"] - 1 for row in others), unit="")
    site.figure("poison job: starts of the worker", starts, unit="")
    await site.prove()
