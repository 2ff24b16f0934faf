"""Finished work is not done again for the server's fault: its result is held, and stored when the server is well."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from milepost.db.tenants import TenantDatabase, open_database
from milepost.domain.job import Job
from milepost.domain.outcome import Done, Failed, Outcome
from milepost.engine.attempt import Attempt
from milepost.engine.attempts import Attempts
from milepost.engine.context import Context
from milepost.engine.rescue import rescue
from milepost.engine.submit import bell, submit
from milepost.kinds.executions import KIND
from tests.db_fixtures import Urls
from tests.engine.desks import desk_of
from tests.engine.lives import LEASE_OVER, alter
from tests.engine.server_faults import FAULTS, OPTIONS, Login, own_login
from tests.factories import Bells, new_execution
from tests.servers.proxy import proxy

HELD = "are held and tried again"
Writes = Callable[[Context], Awaitable[None]]


class Work:
    """A handler that counts its runs, and ends when it is let."""

    def __init__(self, outcome: Outcome | None = None, *, writes: Writes | None = None) -> None:
        self.runs = 0
        self.written = False
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self._outcome = outcome or Done({"output": "paid for"})
        self._writes = writes

    async def __call__(self, _: Job, ctx: Context) -> Outcome:
        self.runs += 1
        self.begun.set()
        await self.go.wait()
        if self._writes is not None:
            await self._writes(ctx)
        self.written = True
        return self._outcome


@pytest.fixture
async def login(urls: Urls, owner: Any) -> AsyncIterator[Login]:
    async with own_login(urls, owner) as made:
        yield made


async def begin(desk: Attempts, database: TenantDatabase, **changes: Any) -> tuple[Attempt, asyncio.Task[None]]:
    job = (await submit(database, KIND, new_execution(**changes), Bells())).job
    attempt = (await desk.claim("execution", [bell(database, job)])).attempts[0]
    attempt.task = asyncio.create_task(desk.run(attempt))
    return attempt, attempt.task


async def until(true: Callable[[], Any], within: float = 15) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)


async def until_held(desk: Attempts) -> None:
    await until(lambda: desk.held)
    desk.tick()


async def present(login: Login, attempt: Attempt) -> Any:
    sql = "SELECT status, version, attempt, output, error_code, stage FROM executions WHERE id = $1"
    return await login.owner.fetchrow(sql, attempt.job.id)


async def history(login: Login, attempt: Attempt) -> list[str]:
    sql = "SELECT reason FROM status_transitions WHERE job_id = $1 ORDER BY version"
    return [row[0] for row in await login.owner.fetch(sql, attempt.job.id)]


@pytest.mark.parametrize("name", FAULTS)
async def test_a_result_outlasts_the_servers_fault_and_is_stored_once(
    login: Login, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    fault, work = FAULTS[name], Work()
    desk = desk_of(login.database, work, Bells())
    attempt, running = await begin(desk, login.database)
    await work.begun.wait()
    await login.do(fault.begin)

    work.go.set()
    await until_held(desk)
    for _ in range(3):
        desk.tick()
    told = [record for record in caplog.records if HELD in record.getMessage()]
    await login.do(fault.end)
    await asyncio.wait_for(running, 15)
    desk.tick()

    assert [record.levelno for record in told] == [logging.ERROR]
    assert fault.told in told[0].getMessage()
    assert ("MILEPOST_DATABASE_URL" in told[0].getMessage()) == (name in {"password", "no login", "read-only"})
    assert "no result of tenant default is held any more" in caplog.text
    row = await present(login, attempt)
    assert (row["status"], row["output"], row["attempt"], work.runs) == ("COMPLETED", "paid for", 1, 1)
    assert (desk.held, desk.counts["completed"], desk.counts["rejected"]) == (0, 1, 0)


async def test_a_failure_is_held_too(login: Login) -> None:
    work = Work(Failed("PROVIDER_REJECTED", "no"))
    desk = desk_of(login.database, work, Bells())
    attempt, running = await begin(desk, login.database)
    await login.do(FAULTS["right"].begin)
    work.go.set()
    await until_held(desk)
    await login.do(FAULTS["right"].end)
    await asyncio.wait_for(running, 15)

    row = await present(login, attempt)
    assert (row["status"], row["error_code"], work.runs) == ("FAILED", "PROVIDER_REJECTED", 1)


@pytest.mark.parametrize("name", FAULTS)
async def test_a_note_waits_for_the_server_and_progress_does_not(login: Login, name: str) -> None:
    async def note(ctx: Context) -> None:
        await ctx.note({"stage": "noted"})

    async def progress(ctx: Context) -> None:
        for percent in range(20):
            await ctx.progress(percent, "told")

    noting, telling = Work(writes=note), Work(writes=progress)
    desks = [desk_of(login.database, work, Bells()) for work in (noting, telling)]
    begun = [await begin(desk, login.database) for desk in desks]
    await login.do(FAULTS[name].begin)
    for work in (noting, telling):
        work.go.set()
    await until_held(desks[1])
    written = (noting.written, telling.written)
    await login.do(FAULTS[name].end)
    await asyncio.wait_for(asyncio.gather(*(running for _, running in begun)), 15)

    assert written == (False, True)
    rows = [await present(login, attempt) for attempt, _ in begun]
    assert [(row["status"], row["attempt"]) for row in rows] == [("COMPLETED", 1)] * 2
    assert rows[0]["stage"] == "noted"


async def lose_the_lease(login: Login, maintenance: TenantDatabase, attempt: Attempt, bells: Bells) -> None:
    """What maintenance does, whose own login is good."""
    await alter(login.owner, attempt.job, LEASE_OVER)
    assert await rescue(maintenance, KIND, bells, actor="maintenance:m1") == 1


async def test_a_job_that_was_taken_for_the_silence_and_not_begun_is_won_back(
    login: Login, maintenance: TenantDatabase
) -> None:
    work, bells = Work(), Bells()
    desk = desk_of(login.database, work, bells)
    attempt, running = await begin(desk, login.database)
    await login.do(FAULTS["password"].begin)
    work.go.set()
    await until_held(desk)
    await lose_the_lease(login, maintenance, attempt, bells)

    await login.do(FAULTS["password"].end)
    await asyncio.wait_for(running, 15)

    row = await present(login, attempt)
    assert (row["status"], row["output"], row["attempt"], work.runs) == ("COMPLETED", "paid for", 2, 1)
    assert await history(login, attempt) == ["created", "claimed", "lease_expired", "claimed", "completed"]
    assert (await desk.claim("execution", bells.rung)).attempts == []


async def test_a_handler_at_work_goes_on_under_the_lease_that_was_won_back(
    login: Login, maintenance: TenantDatabase
) -> None:
    async def note(ctx: Context) -> None:
        await ctx.note({"stage": "noted"})

    work, bells = Work(writes=note), Bells()
    desk = desk_of(login.database, work, bells)
    attempt, running = await begin(desk, login.database)
    await work.begun.wait()
    await login.do(FAULTS["no login"].begin)
    attempt.renewed = attempt.began = time.monotonic() - 60
    await desk.beat()
    await lose_the_lease(login, maintenance, attempt, bells)
    await login.do(FAULTS["no login"].end)

    await desk.beat()
    work.go.set()
    await asyncio.wait_for(running, 15)

    row = await present(login, attempt)
    assert (row["status"], row["attempt"], work.runs, desk.counts["lost"]) == ("COMPLETED", 2, 1, 0)


async def test_the_bell_of_a_job_that_is_at_work_here_begins_nothing_new(
    login: Login, maintenance: TenantDatabase
) -> None:
    work, bells = Work(), Bells()
    desk = desk_of(login.database, work, bells)
    attempt, running = await begin(desk, login.database)
    await work.begun.wait()
    await login.do(FAULTS["password"].begin)
    await desk.beat()
    await lose_the_lease(login, maintenance, attempt, bells)
    await login.do(FAULTS["password"].end)

    claimed = await desk.claim("execution", bells.rung)
    work.go.set()
    await asyncio.wait_for(running, 15)

    assert (claimed.attempts, claimed.gone) == ([], bells.rung)
    assert ((await present(login, attempt))["status"], work.runs) == ("COMPLETED", 1)


async def test_a_result_whose_job_another_worker_began_is_dropped(login: Login, maintenance: TenantDatabase) -> None:
    late, bells = Work(), Bells()
    desk = desk_of(login.database, late, bells)
    attempt, running = await begin(desk, login.database)
    await login.do(FAULTS["password"].begin)
    late.go.set()
    await until_held(desk)
    await lose_the_lease(login, maintenance, attempt, bells)
    claims = await maintenance.ledger.claim(KIND.table, [(attempt.job.id, 3)], "another", 20)

    await login.do(FAULTS["password"].end)
    await asyncio.wait_for(running, 15)

    assert len(claims.jobs) == 1
    assert ((await present(login, attempt))["status"], desk.counts["rejected"]) == ("RUNNING", 1)


async def test_what_waits_again_anyway_is_not_won_back(login: Login, maintenance: TenantDatabase) -> None:
    work, bells = Work(Failed("BUSY", "later", retry=True)), Bells()
    desk = desk_of(login.database, work, bells)
    attempt, running = await begin(desk, login.database)
    await login.do(FAULTS["password"].begin)
    work.go.set()
    await until_held(desk)
    await lose_the_lease(login, maintenance, attempt, bells)
    await login.do(FAULTS["password"].end)
    await asyncio.wait_for(running, 15)

    assert ((await present(login, attempt))["status"], desk.counts["rejected"]) == ("PENDING", 1)


async def test_a_silent_server_ends_what_has_lost_its_lease_and_its_own_word_does_not(login: Login) -> None:
    """Behind silence another worker may have begun the job; where the server refuses everybody, nobody can."""
    host, port = login.url.rsplit("@", 1)[1].partition("/")[0].split(":")
    async with proxy(host, int(port)) as line:
        database = await open_database("default", login.url.replace(f":{port}/", f":{line.port}/"), OPTIONS)
        work = Work()
        desk = desk_of(database, work, Bells())
        attempt, running = await begin(desk, database)
        await work.begun.wait()
        attempt.renewed = time.monotonic() - 60

        await login.do(FAULTS["right"].begin)
        await desk.beat()
        after_its_word = attempt.stopping
        await login.do(FAULTS["right"].end)
        line.refuses = True
        line.cut()
        await desk.beat()
        await running
        await database.close()

    assert (after_its_word, attempt.stopping, desk.counts["lost"]) == (None, "lost", 1)


async def test_a_result_that_was_stored_before_the_line_broke_is_not_taken_for_rejected(
    login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = login.url.rsplit("@", 1)[1].partition("/")[0].split(":")
    async with proxy(host, int(port)) as line:
        database = await open_database("default", login.url.replace(f":{port}/", f":{line.port}/"), OPTIONS)
        work = Work()
        desk = desk_of(database, work, Bells())
        _, first_running = await begin(desk, database)
        work.go.set()
        await first_running  # statements are known to the server from now on: what is lost is a commit's answer
        work.go.clear()
        attempt, running = await begin(desk, database)
        line.lose_answers(1)
        line.refuses = True  # who is connected goes on; nobody comes again
        work.go.set()
        await until_held(desk)
        stored = await present(login, attempt)
        line.heal()
        await asyncio.wait_for(running, 15)
        await database.close()

    assert stored["status"] == "COMPLETED"
    assert (desk.counts["completed"], desk.counts["rejected"]) == (2, 0)
    assert "rejected" not in caplog.text


async def test_what_is_lost_at_the_end_of_a_worker_is_said(login: Login, caplog: pytest.LogCaptureFixture) -> None:
    work = Work()
    desk = desk_of(login.database, work, Bells())
    attempt, running = await begin(desk, login.database)
    await login.do(FAULTS["password"].begin)
    work.go.set()
    await until_held(desk)

    await asyncio.wait_for(desk.hand_back(), 15)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running

    assert f"the outcome of {attempt.job} (Done) is lost" in caplog.text
    assert "it refuses the login" in caplog.text
    assert desk.counts["result_lost"] == 1
    await login.do(FAULTS["password"].end)


async def test_a_row_that_the_server_cannot_take_holds_up_no_neighbour(login: Login) -> None:
    await login.owner.execute("""
        CREATE FUNCTION limit_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.output = 'too much' THEN RAISE EXCEPTION 'no' USING ERRCODE = '54000'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER limit_it BEFORE UPDATE ON executions FOR EACH ROW EXECUTE FUNCTION limit_it()""")
    works = [Work(Done({"output": "too much"})), Work(), Work()]
    by_prompt = {f"work {number}": work for number, work in enumerate(works)}

    async def handler(job: Job, ctx: Context) -> Outcome:
        return await by_prompt[job["prompt"]](job, ctx)

    desk = desk_of(login.database, handler, Bells())
    columns = new_execution().columns
    begun = [await begin(desk, login.database, columns={**columns, "prompt": prompt}) for prompt in by_prompt]
    await asyncio.gather(*(work.begun.wait() for work in works))
    for work in works:
        work.go.set()
    await asyncio.wait_for(asyncio.gather(*(running for _, running in begun[1:])), 15)

    statuses = [(await present(login, attempt))["status"] for attempt, _ in begun]
    begun[0][1].cancel()
    with suppress(asyncio.CancelledError):
        await begun[0][1]
    assert statuses == ["RUNNING", "COMPLETED", "COMPLETED"]
