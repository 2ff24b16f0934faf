"""kill -9 of a worker at every point where it may be with a job: the job ends once, on another worker."""

from __future__ import annotations

import signal
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.faults.process import Process
from tests.faults.site import LEASE_SECONDS, Site

# the rescuer's rhythm; the backstop of an idle worker's doorbell, and room for a busy machine
RESCUE_SECONDS, PICK_UP_SECONDS = 2.0, 6.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where the worker is killed. `gate`: the write that it stands in; `commits`: whether that write is committed."""

    name: str
    gate: str | None
    commits: bool
    history: str
    asked: int


TWICE, ONCE = "created claimed lease_expired claimed completed", "created claimed completed"
POINTS = [
    Point(name="before the claim is committed", gate="RUNNING", commits=False, history=ONCE, asked=1),
    Point(name="after the claim, before it hears of it", gate="RUNNING", commits=True, history=TWICE, asked=1),
    Point(name="while the model answers", gate=None, commits=False, history=TWICE, asked=2),
    Point(name="before the finish is committed", gate="COMPLETED", commits=False, history=TWICE, asked=2),
    Point(name="after the finish, before it hears of it", gate="COMPLETED", commits=True, history=ONCE, asked=1),
]


class Crew:
    """A worker, and another one that stands still until the first is gone.

    Both have asked the model before: neither a start nor the first load of a library is in what is measured.
    """

    def __init__(self, site: Site, **settings: str) -> None:
        self._site = site
        self._settings = settings
        self._next: Process | None = None

    async def ready(self) -> tuple[Process, Process]:
        worker = self._next if self._next and self._next.alive else await self._trained()
        worker.send(signal.SIGSTOP)
        standby = self._next = await self._trained()
        standby.send(signal.SIGSTOP)
        worker.send(signal.SIGCONT)
        self._site.models.journal.clear()
        return worker, standby

    async def _trained(self) -> Process:
        worker = await self._site.worker(**self._settings)
        await self._site.until_ended(await self._site.submit("Good morning."))
        return worker


@pytest_asyncio.fixture(scope="module")
async def crew(site: Site) -> Crew:
    return Crew(site)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.name)
async def test_a_job_ends_once_wherever_its_worker_is_killed(site: Site, crew: Crew, point: Point) -> None:
    worker, standby = await crew.ready()
    if point.gate is None:
        (job,) = await site.submit("[[stall times=1]] Say something.")
        await site.models.request(0, within=30)
        killed = await worker.kill()
    else:
        async with site.gate(point.gate) as gate:
            (job,) = await site.submit("[[gate]] Say something.")
            backend = await gate.reached()
            killed = await worker.kill()
            if not point.commits:
                await gate.roll_back(backend)
    standby.send(signal.SIGCONT)

    ended = await site.until_ended([job])
    bound = LEASE_SECONDS + RESCUE_SECONDS + PICK_UP_SECONDS
    site.figure(f"worker killed {point.name}: until the job ended", ended - killed, bound=bound)
    assert " ".join(reason for _, reason in await site.history(job)) == point.history
    assert len(site.models.journal) == point.asked
    assert len({entry.asked.key for entry in site.models.journal}) == 1
    await site.prove()


async def test_a_worker_that_wakes_up_after_its_lease_changes_nothing(site: Site, crew: Crew) -> None:
    """`tests/concurrency/test_late_worker.py` with real processes and real signals."""
    worker, standby = await crew.ready()
    (job,) = await site.submit("[[stall times=1]] Say something.")
    await site.models.request(0, within=30)
    stopped = worker.send(signal.SIGSTOP)
    standby.send(signal.SIGCONT)
    ended = await site.until_ended([job])
    site.figure("worker stopped, not killed: until the job ended elsewhere", ended - stopped)
    before = await site.row(job)

    worker.send(signal.SIGCONT)
    await worker.until_said("dropped: the job is no longer this worker's")
    assert tuple(await site.row(job)) == tuple(before)
    worker.send(signal.SIGTERM)
    assert await worker.ended() == 0
    standby.send(signal.SIGTERM)
    assert await standby.ended() == 0
    await site.prove()


async def test_with_the_lease_that_is_shipped_a_killed_workers_job_ends_within_thirty_seconds(site: Site) -> None:
    worker, standby = await Crew(site, lease_seconds="20").ready()
    (job,) = await site.submit("[[stall times=1]] Say something.")
    await site.models.request(0, within=30)
    killed = await worker.kill()
    standby.send(signal.SIGCONT)

    ended = await site.until_ended([job])
    site.figure("worker killed, defaults as shipped: until the job ended", ended - killed, bound=30)
    await site.prove()
