"""Whether a job is still an attempt's own; and wins it back where its worker was silent and nobody began it since."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from milepost.domain.errors import JobNotFound
from milepost.domain.job import Job
from milepost.engine.read_job import read_job

if TYPE_CHECKING:
    from milepost.engine.attempt import Attempt

# maintenance's reason for taking a job from a silent worker
LOST = "lease_expired"
# a job that was taken is due again within seconds
LONGEST_WAIT, LOOK_AGAIN = 5.0, 0.1


async def still_ours(attempt: Attempt, known: Job) -> bool:
    """Reads the job again after a refused write. True: the attempt holds it, and `known` was not its present state.

    A cancel request came in between, or a step to the next running status whose answer the attempt did not hear; or
    the server was at fault for longer than the lease, and the job was won back. Raises what a read raises.
    """
    try:
        job = await read_job(attempt.database, attempt.kind.table, known.id)
    except JobNotFound:  # it ended in other hands, and was deleted since
        return False
    # the time of the claim tells attempts apart: their numbers begin anew with an explicit retry
    if job.lease_owner == attempt.worker and job.claimed_at == attempt.job.claimed_at:
        attempt.job = job
        return (job.version, job.cancel_requested_at) != (known.version, known.cancel_requested_at)
    return attempt.troubled and attempt.winnable and await _won_back(attempt, known, job)


async def win_back(attempt: Attempt) -> bool:
    """The same for an attempt that goes on, after a heartbeat or a note. True as well where nobody can tell now."""
    if not attempt.troubled:
        return False
    attempt.moving = True  # a heartbeat meanwhile must not take the job for lost
    try:
        return await still_ours(attempt, attempt.job)
    except Exception as error:
        if attempt.database.connections.fault_of(error) is None:
            raise
        return True
    finally:
        attempt.moving = False


async def _won_back(attempt: Attempt, known: Job, job: Job) -> bool:
    machine, ends = attempt.kind.machine, time.monotonic() + LONGEST_WAIT
    taken = job.version == known.version + 1 and job.status == machine.queued and known.status == machine.running
    if taken and (job["status_reason"] or "").partition(" ")[0] == LOST:
        while time.monotonic() < ends:
            claims = await attempt.database.ledger.claim(
                attempt.kind.table, [(job.id, job.version)], attempt.worker, attempt.lease_seconds
            )
            if claims.jobs:
                attempt.adopt(claims.jobs[0])
                return True
            if not claims.later:
                break
            await asyncio.sleep(LOOK_AGAIN)
    return await _adopted(attempt, known, ends)


async def _adopted(attempt: Attempt, known: Job, ends: float) -> bool:
    """Whether this process took the job by its bell, and gave it to the attempt that has it already."""
    while attempt.job.version == known.version and time.monotonic() < ends:
        job = await read_job(attempt.database, attempt.kind.table, known.id)
        if job.lease_owner != attempt.worker:
            return False
        await asyncio.sleep(LOOK_AGAIN)
    return attempt.job.version != known.version
