"""The smallest fault that shows each breakage: the product as it is must come out of all of them unharmed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from tests.faults.invariants import Promise
from tests.faults.site import OFFLINE, Site, eventually

# the shortest that the settings allow
LEASE = "2"
# far more than the product needs: lease, the rescuer's rhythm, and the start of a process on a busy machine
PATIENCE = 20.0
CROWD, BATCH = 50, 6
Fault = Callable[[Site], Awaitable[None]]

COMMITS = """
CREATE SEQUENCE fault_commits;
CREATE FUNCTION fault_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
$$ BEGIN PERFORM nextval('fault_commits'); {0}; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER fault_commit AFTER INSERT ON executions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fault_commit()"""
HEALED = "DROP TRIGGER fault_commit ON executions; DROP FUNCTION fault_commit; DROP SEQUENCE fault_commits"
SLOW, FAILING = "PERFORM pg_sleep(0.5)", "RAISE 'no space left' USING ERRCODE = '53100'"


async def late_worker(site: Site) -> None:
    """A worker stands still past its lease and goes on while another one has its job."""
    worker = await site.worker(lease_seconds=LEASE)
    site.models.journal.clear()
    await site.submit("[[drip seconds=0.1 pieces=40]] Say something.")
    await site.models.request(0, within=30)
    worker.send(signal.SIGSTOP)
    async with site.workers(lease_seconds=LEASE):
        await site.models.request(1, within=30)
        worker.send(signal.SIGCONT)
        await settled(site)
    await worker.resume_and_kill()


async def killed_worker(site: Site) -> None:
    """kill -9 of a worker with a job; another one is there."""
    worker = await site.worker(lease_seconds=LEASE)
    site.models.journal.clear()
    await site.submit("[[stall times=1]] Say something.")
    await site.models.request(0, within=30)
    await worker.kill()
    async with site.workers(lease_seconds=LEASE):
        await settled(site)


async def slow_commit(site: Site) -> None:
    """The commit of a submit takes its time while a worker sleeps on the doorbell."""
    api = await site.api()
    async with site.workers(), await site.client() as client, commits(site, SLOW):
        job = await client.submit("executions", prompt="One. Two.", model=OFFLINE)
        site.promised.append(Promise(job.id))
        await settled(site)
    await api.resume_and_kill()


async def api_killed_with_commits_failing(site: Site) -> None:
    """Every commit of a submit fails until the API is killed and started again; its client goes on asking."""
    api = await site.api()
    async with site.workers(), await site.client(patience=60) as client:
        async with commits(site, FAILING):
            submitting = asyncio.create_task(
                client.submit("executions", prompt="One. Two.", model=OFFLINE, idempotency_key="promised")
            )
            await eventually(lambda: _tried(site), within=20)
            await asyncio.wait({submitting}, timeout=1)
            await api.kill()
        api = await site.api()
        site.promised.append(Promise((await submitting).id))
        await settled(site)
    await api.resume_and_kill()


async def crowd_with_one_key(site: Site) -> None:
    """Many requests at once with one idempotency key."""
    api = await site.api()
    async with site.workers(), await site.client() as client:
        asked = [
            client.submit("executions", prompt="One. Two.", model=OFFLINE, idempotency_key="crowd")
            for _ in range(CROWD)
        ]
        site.promised += {Promise(job.id) for job in await asyncio.gather(*asked)}
        await settled(site)
    await api.resume_and_kill()


async def batch(site: Site) -> None:
    """Jobs of one request, each told by its tag."""
    api = await site.api()
    tags = [f"member-{number}" for number in range(BATCH)]
    jobs = [{"prompt": "One. Two.", "model": OFFLINE, "metadata": {"tag": tag}} for tag in tags]
    async with site.workers(), await site.client() as client:
        ids = await client.submit_many("executions", jobs, idempotency_key="batch")
        site.promised += [Promise(job_id, "execution", tag) for job_id, tag in zip(ids, tags, strict=True)]
        await settled(site)
    await api.resume_and_kill()


async def several_answers(site: Site) -> None:
    """One worker has several jobs, each with a prompt of its own."""
    async with site.workers():
        await site.submit(*["Say something."] * BATCH)
        await settled(site)


SMALLEST: Mapping[str, Fault] = {
    "no_version_predicate": late_worker,
    "no_rescuer": killed_worker,
    "bell_before_commit": slow_commit,
    "acknowledge_before_commit": api_killed_with_commits_failing,
    "no_unique_key": crowd_with_one_key,
    "ids_in_reverse": batch,
    "output_of_another": several_answers,
    "late_notes_and_beats": late_worker,
}


async def settled(site: Site) -> None:
    """Until every job has ended, or the product has had all the time that it needs."""

    async def ended() -> bool:
        return not await site.owner.fetchval("SELECT EXISTS (SELECT FROM executions WHERE finished_at IS NULL)")

    try:
        await eventually(ended, PATIENCE)
    except TimeoutError:
        return


@asynccontextmanager
async def commits(site: Site, what: str) -> AsyncIterator[None]:
    """As long as this is open, the commits of submits do that."""
    await site.owner.execute(COMMITS.format(what))
    try:
        yield
    finally:
        await site.owner.execute(HEALED)


async def _tried(site: Site) -> bool:
    return bool(await site.owner.fetchval("SELECT is_called FROM fault_commits"))
