"""A commit whose answer is lost is neither forgotten nor made twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from milepost.db.connections import Patience
from milepost.db.tenants import DatabaseOptions, TenantDatabase, open_database
from milepost.domain import decide
from milepost.domain.errors import StaleVersion, Unavailable
from milepost.domain.job import Job
from milepost.domain.outcome import Done
from milepost.domain.policy import Policy
from milepost.kinds.executions.table import MACHINE
from tests.db_fixtures import Urls
from tests.factories import TABLE, WORKER, new_execution
from tests.servers.proxy import Proxy, proxy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE_CONNECTION = DatabaseOptions(connections=1, patience=Patience(whole=5, one_try=2))


@pytest_asyncio.fixture
async def line(urls: Urls) -> AsyncIterator[Proxy]:
    target = urlsplit(urls.app)
    assert target.hostname is not None
    assert target.port is not None
    async with proxy(target.hostname, target.port) as made:
        yield made


@pytest_asyncio.fixture
async def behind(urls: Urls, line: Proxy) -> AsyncIterator[TenantDatabase]:
    """The application's database, reached through the proxy over one connection that is open already."""
    there = urlsplit(urls.app)
    url = urls.app.replace(f":{there.port}/", f":{line.port}/")
    opened = await open_database("default", url, ONE_CONNECTION)
    await opened.ledger.submit(TABLE, new_execution())
    yield opened
    await opened.close()


async def versions(owner: Any, job: Job) -> list[int]:
    rows = await owner.fetch("SELECT version FROM status_transitions WHERE job_id = $1 ORDER BY version", job.id)
    return [row[0] for row in rows]


async def test_a_submit_whose_answer_is_lost_made_one_job(behind: TenantDatabase, line: Proxy, owner: Any) -> None:
    line.lose_answers(1)

    submitted = await behind.ledger.submit(TABLE, new_execution())

    assert (line.lost, submitted.created, submitted.job.version) == (1, True, 1)
    assert await versions(owner, submitted.job) == [1]


async def test_a_claim_whose_answer_is_lost_is_still_this_workers(
    behind: TenantDatabase, line: Proxy, owner: Any
) -> None:
    job = (await behind.ledger.submit(TABLE, new_execution())).job
    line.lose_answers(1)

    claims = await behind.ledger.claim(TABLE, [(job.id, 1)], "w1", 20)

    assert (line.lost, [claimed.version for claimed in claims.jobs]) == (1, [2])
    assert await versions(owner, job) == [1, 2]


async def test_a_transition_whose_answer_is_lost_was_made_once(behind: TenantDatabase, line: Proxy, owner: Any) -> None:
    job = (await behind.ledger.submit(TABLE, new_execution())).job
    claimed = (await behind.ledger.claim(TABLE, [(job.id, 1)], "w1", 20)).jobs[0]
    done = decide.after_attempt(MACHINE, Policy(), claimed, Done({"output": "x"}), actor=WORKER, now=NOW, chance=0.5)
    line.lose_answers(1)

    moved = await behind.ledger.move(TABLE, done)

    assert (line.lost, moved.version) == (1, 3)
    assert await versions(owner, job) == [1, 2, 3]


async def test_doubt_does_not_turn_somebody_elses_transition_into_ours(
    behind: TenantDatabase, line: Proxy, database: TenantDatabase
) -> None:
    job = (await behind.ledger.submit(TABLE, new_execution())).job
    claimed = (await behind.ledger.claim(TABLE, [(job.id, 1)], "w1", 20)).jobs[0]
    other = decide.after_attempt(MACHINE, Policy(), claimed, Done(), actor="worker:w2", now=NOW, chance=0.5)
    await database.ledger.move(TABLE, other)
    line.lose_answers(1)
    late = decide.after_attempt(MACHINE, Policy(), claimed, Done(), actor=WORKER, now=NOW, chance=0.5)

    with pytest.raises(StaleVersion):
        await behind.ledger.move(TABLE, late)


async def test_deadlocks_and_serialization_failures_are_tried_again(database: TenantDatabase, owner: Any) -> None:
    """A trigger that fails at the first two commits, as a server under load would."""
    await owner.execute("""
        CREATE SEQUENCE chaos;
        GRANT USAGE ON SEQUENCE chaos TO milepost_app;
        CREATE FUNCTION chaos() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE turn bigint := nextval('chaos');
        BEGIN
            IF turn = 1 THEN RAISE EXCEPTION 'chaos' USING ERRCODE = '40001'; END IF;
            IF turn = 2 THEN RAISE EXCEPTION 'chaos' USING ERRCODE = '40P01'; END IF;
            RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER chaos AFTER INSERT ON executions
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION chaos();
    """)

    answers = await asyncio.gather(*(database.ledger.submit(TABLE, new_execution()) for _ in range(5)))

    assert all(answer.created for answer in answers)
    assert await owner.fetchval("SELECT count(*) FROM executions") == 5
    assert await owner.fetchval("SELECT last_value FROM chaos") >= 3


async def test_a_server_that_is_away_is_unavailable_within_patience(urls: Urls) -> None:
    nowhere = urls.app.replace(f":{urlsplit(urls.app).port}/", ":1/")
    opened = await open_database("default", nowhere, DatabaseOptions(patience=Patience(whole=0.3, one_try=0.2)))

    with pytest.raises(Unavailable):
        await opened.ledger.submit(TABLE, new_execution())

    await opened.close()


async def test_terminated_backends_lose_nothing(database: TenantDatabase, owner: Any) -> None:
    async def submit_some() -> int:
        answers = await asyncio.gather(*(database.ledger.submit(TABLE, new_execution()) for _ in range(50)))
        return len(answers)

    made = 0
    for _ in range(10):
        submits = asyncio.create_task(submit_some())
        await owner.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        made += await submits

    assert await owner.fetchval("SELECT count(*) FROM executions") == made == 500
    assert await owner.fetchval("SELECT count(*) FROM status_transitions") == 500
