"""The API dies between the commit of a job and its bell: the job runs all the same, and a repeated request finds it."""

from __future__ import annotations

import asyncio
import signal
import time

from tests.faults.invariants import Promise
from tests.faults.site import OFFLINE, Site

# the reconciler's rhythm, and the backstop of an idle worker's doorbell
RECONCILE_SECONDS, PICK_UP_SECONDS = 5.0, 4.0


async def test_a_job_whose_bell_was_never_rung_runs_and_is_found_by_its_key(site: Site) -> None:
    async with site.workers(), await site.client() as client:
        dying = await site.script("api_that_dies", site.socket_number)
        submitting = asyncio.create_task(
            client.submit("executions", prompt="One. Two.", model=OFFLINE, idempotency_key="once")
        )
        assert await dying.ended() == -signal.SIGKILL
        killed = time.monotonic()
        assert not submitting.done()
        stored = await site.owner.fetch("SELECT id, status, version FROM executions")
        assert len(stored) == 1

        ended = await site.until_ended([stored[0]["id"]])
        bound = RECONCILE_SECONDS + PICK_UP_SECONDS
        site.figure("API killed between commit and bell: until the job ended", ended - killed, bound=bound)

        api = await site.api()
        job = await submitting
        site.promised.append(Promise(job.id))
        assert (job.id, job.replayed, job.version) == (stored[0]["id"], True, 3)
        assert await site.owner.fetchval("SELECT count(*) FROM executions") == 1
        await site.prove()
        await api.resume_and_kill()
