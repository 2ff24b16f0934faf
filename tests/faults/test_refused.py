"""The server refuses an installation's login, or what it wants: nothing is done twice, nothing good is called bad.

Real processes: those at work when it happens, and those that are started meanwhile.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx2
import pytest

from milepost.db.urls import database_name, login_of, quoted
from tests.engine.server_faults import FAULTS
from tests.faults.site import OFFLINE, Site, eventually

# longer than a lease, so that maintenance, whose login is good, takes jobs away
OUTAGE_SECONDS = 8.0
WAITING = "waiting, as it cannot start yet"
KINDS = ("password", "no login", "right", "read-only")


@asynccontextmanager
async def refused(site: Site, name: str, url: str) -> AsyncIterator[None]:
    """What the fault is done to: the login of this address, and its database."""
    role, password = login_of(url)
    names = {"role": role, "database": quoted(database_name(url))}
    connection = await asyncpg.connect(site.addresses.owner)
    try:
        await connection.execute(FAULTS[name].begin.format(**names))
        yield
    finally:
        end = FAULTS[name].end.format(**names)
        await connection.execute(f"ALTER ROLE {role} PASSWORD '{password}'" if name == "password" else end)
        await connection.close()


def runs(site: Site, prompt: str) -> int:
    """How often a model was asked."""
    return sum(prompt in entry.asked.prompt for entry in site.models.journal)


async def good_requests(site: Site, http: httpx2.AsyncClient) -> None:
    """Each is 503 with a time to come back: never the caller's fault, never a 500."""
    job = {"prompt": "Bees. Hives.", "model": OFFLINE}
    answers = [
        await http.post("/v1/executions", json=job),
        await http.post("/v1/executions", json=job, headers={"Idempotency-Key": "once"}),
        await http.post("/v1/executions:batch", json={"jobs": [job, job]}),
    ]
    for answer in answers:
        assert answer.status_code == 503, answer.text
        assert answer.headers["retry-after"].isdigit()


@pytest.mark.parametrize("name", KINDS)
async def test_work_is_done_once_whatever_the_server_refuses(site: Site, name: str) -> None:
    api = await site.api()
    key = {"Authorization": f"Bearer {await site.key()}"}
    async with site.workers() as (worker,), httpx2.AsyncClient(base_url=site.url, timeout=10, headers=key) as http:
        assert (await http.get("/v1/executions")).status_code == 200  # the key is known for some seconds
        short, long = f"Short {name}.", f"Long {name}."
        jobs = await site.submit(f"{short} [[drip seconds=0.1 pieces=15]]", f"{long} [[drip seconds=0.5 pieces=26]]")
        await site.until_running(2)
        await eventually(lambda: _asked(site, short, long), 20)

        async with refused(site, name, site.addresses.app):
            ends = time.monotonic() + OUTAGE_SECONDS
            await worker.until_said("are held and tried again")
            await good_requests(site, http)
            await asyncio.sleep(max(0.0, ends - time.monotonic()))
        restored = time.monotonic()

        ended = await site.until_ended(jobs[:1])
        site.figure(f"server refuses ({name}): until a held result was stored", ended - restored, bound=10)
        await site.until_ended(jobs)
        rows = await site.rows(jobs)
        assert {row["status"] for row in rows} == {"COMPLETED"}
        assert (runs(site, short), runs(site, long)) == (1, 1), [await site.history(job) for job in jobs]
        assert FAULTS[name].told in worker.said()
        await site.prove()
    await api.resume_and_kill()


async def _asked(site: Site, *prompts: str) -> bool:
    return all(runs(site, prompt) for prompt in prompts)


async def test_processes_that_are_started_while_the_login_is_refused_wait_and_go_on(site: Site) -> None:
    key = {"Authorization": f"Bearer {await site.key()}"}
    async with refused(site, "password", site.addresses.app):
        processes = [await start(wait=False) for start in (site.api, site.worker, site.maintenance)]
        for process in processes:
            await process.until_said(WAITING, within=60)
            assert "it refuses the login" in process.said()
            assert "MILEPOST_CONTROL_DATABASE_URL (or MILEPOST_DATABASE_URL)" in process.said()
            assert "Traceback" not in process.said()
        async with httpx2.AsyncClient(base_url=site.url, timeout=10, headers=key) as http:
            alive, ready = await http.get("/healthz"), await http.get("/readyz")
            await good_requests(site, http)
    restored = time.monotonic()
    await asyncio.gather(*(process.ready() for process in processes))

    site.figure("login refused at the start: until all processes were ready", time.monotonic() - restored, bound=10)
    assert alive.status_code == 200
    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "it refuses the login")
    await site.until_ended(await site.submit("One. Two.", model=OFFLINE))
    for process in processes:
        assert "going on" in process.said()
        await process.resume_and_kill()


async def test_a_login_that_only_maintenance_has_is_named_by_its_own_setting(site: Site) -> None:
    async with refused(site, "password", site.addresses.maintenance):
        maintenance = await site.maintenance(wait=False)
        await maintenance.until_said(WAITING, within=60)
    await maintenance.ready()

    assert "MILEPOST_MAINTENANCE_DATABASE_URL" in maintenance.said()
    await maintenance.resume_and_kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_that_waits_ends_when_it_is_told_to(site: Site, number: signal.Signals) -> None:
    async with refused(site, "password", site.addresses.app):
        processes = [await start(wait=False) for start in (site.api, site.worker, site.maintenance)]
        for process in processes:
            await process.until_said(WAITING, within=60)
            process.send(number)
        assert [await process.ended() for process in processes] == [0, 0, 0]
