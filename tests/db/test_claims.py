"""What a claim answers for bells that are forged, refused by the database, overdue, or about to be due."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from milepost.db.holds import Claims
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import Unavailable
from tests.factories import TABLE, new_execution


async def submitted(database: TenantDatabase, count: int = 1, **changes: Any) -> list[tuple[UUID, int]]:
    jobs = [(await database.ledger.submit(TABLE, new_execution(**changes))).job for _ in range(count)]
    return [(job.id, job.version) for job in jobs]


async def claim(database: TenantDatabase, wanted: list[tuple[UUID, int]]) -> Claims:
    return await database.ledger.claim(TABLE, wanted, "w1", 20)


@pytest.mark.parametrize("version", [2**31, -(2**40), 2**70])
async def test_a_version_that_cannot_be_spoils_no_other_claim(database: TenantDatabase, version: int) -> None:
    wanted = await submitted(database, 5)

    claims = await claim(database, [*wanted[:2], (uuid7(), version), *wanted[2:]])

    assert [job.id for job in claims.jobs] == [job_id for job_id, _ in wanted]
    assert claims.later == []
    assert await claim(database, [(wanted[0][0], version)]) == Claims()


async def test_one_job_that_the_database_refuses_spoils_no_other_claim(database: TenantDatabase, owner: Any) -> None:
    wanted = await submitted(database, 5)
    bad = wanted[3][0]
    await owner.execute(f"ALTER TABLE executions ADD CHECK (NOT (id = '{bad}' AND status = 'RUNNING')) NOT VALID")

    claims = await claim(database, wanted)

    assert {job.id for job in claims.jobs} == {job_id for job_id, _ in wanted} - {bad}
    assert claims.later == []


async def test_a_statement_that_the_database_refuses_is_told_and_drops_no_bell(
    database: TenantDatabase, owner: Any
) -> None:
    wanted = await submitted(database, 3)
    await owner.execute("ALTER TABLE executions RENAME COLUMN claimed_at TO claimed")

    with pytest.raises(Unavailable, match="its tables are not those of this release") as told:
        await claim(database, wanted)
    assert isinstance(told.value.__cause__, asyncpg.UndefinedColumnError)


async def test_a_job_that_became_due_after_its_claim_was_refused_is_looked_at_again(
    database: TenantDatabase, owner: Any
) -> None:
    await claim(database, [(uuid7(), 1)])  # the statements are known to the connection, so that the claim's time stands
    due = datetime.now(UTC) + timedelta(seconds=0.4)
    wanted = await submitted(database, scheduled_at=due)

    async with owner.transaction():
        await owner.execute("LOCK TABLE executions")
        claiming = asyncio.create_task(claim(database, wanted))
        while not await owner.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        assert datetime.now(UTC) < due
        await owner.execute("SELECT pg_sleep(0.5)")
    claims = await claiming

    assert claims.jobs == []
    [(job_id, again)] = claims.later
    assert job_id == wanted[0][0]
    assert due < again <= datetime.now(UTC)
    assert [job.id for job in (await claim(database, wanted)).jobs] == [job_id]


async def test_a_job_that_is_not_due_is_looked_at_again_when_it_is(database: TenantDatabase) -> None:
    due = datetime.now(UTC) + timedelta(hours=1)
    wanted = await submitted(database, scheduled_at=due)

    assert await claim(database, wanted) == Claims([], [(wanted[0][0], due)])


async def test_a_job_past_its_deadline_is_left_to_maintenance(database: TenantDatabase, owner: Any) -> None:
    wanted = await submitted(database)
    await owner.execute("UPDATE executions SET deadline_at = now()")

    assert await claim(database, wanted) == Claims()
