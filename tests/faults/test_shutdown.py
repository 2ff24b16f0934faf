"""SIGTERM: short jobs finish, long ones are handed back with no attempt used up, and the next worker has them at once."""

from __future__ import annotations

import signal
import time

from tests.faults.site import Site

GRACE = 3.0
SHORT, LONG = 10, 5


async def test_a_worker_told_to_stop_finishes_what_is_short_and_hands_back_the_rest(site: Site) -> None:
    async with site.workers(grace_seconds=str(GRACE)) as (worker,):
        await warm_up(site)
        short = await site.submit(*(["[[drip seconds=0.1 pieces=10]] Say something."] * SHORT))
        long = await site.submit(*(["[[stall times=1]] Say something."] * LONG))
        await site.models.request(SHORT + LONG - 1, within=30)
        told = worker.send(signal.SIGTERM)
        assert await worker.ended() == 0
        site.figure(
            f"SIGTERM with a grace of {GRACE:g} s: until the worker had left", time.monotonic() - told, bound=GRACE + 4
        )

    assert {row["status"] for row in await site.rows(short)} == {"COMPLETED"}
    handed_back = await site.rows(long)
    assert {(row["status"], row["attempt"], row["status_reason"]) for row in handed_back} == {
        ("PENDING", 0, "handed_back")
    }
    await end_with_another_worker(site, long)


async def test_a_worker_told_twice_hands_back_at_once(site: Site) -> None:
    async with site.workers(grace_seconds="60") as (worker,):
        await warm_up(site)
        long = await site.submit(*(["[[stall times=1]] Say something."] * LONG))
        await site.models.request(LONG - 1, within=30)
        worker.send(signal.SIGTERM)
        await worker.until_said(f"finishing {LONG} attempts")
        told = worker.send(signal.SIGTERM)
        assert await worker.ended() == 0
        site.figure("SIGTERM twice: until the worker had left", time.monotonic() - told, bound=4)

    assert {(row["status"], row["attempt"]) for row in await site.rows(long)} == {("PENDING", 0)}
    await end_with_another_worker(site, long)


async def warm_up(site: Site) -> None:
    """The first call of a provider loads its library, which takes as long as a short job."""
    await site.until_ended(await site.submit("Good morning."))
    site.models.journal.clear()


async def end_with_another_worker(site: Site, jobs: list) -> None:
    async with site.workers():
        await site.until_ended(jobs)
    assert {(row["status"], row["attempt"]) for row in await site.rows(jobs)} == {("COMPLETED", 1)}
    await site.prove()
