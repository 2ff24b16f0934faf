"""Rows that belong to a transition commit with it or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio

from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.errors import EffectRefused, RowRefused, StaleVersion
from milepost.domain.outcome import Done
from milepost.domain.policy import Policy
from milepost.domain.transition import Effect, EffectStatement
from milepost.kinds.executions.table import MACHINE
from tests.factories import TABLE, WORKER, new_execution

NOW = datetime(2026, 1, 1, tzinfo=UTC)
# a purse of three coins: who asks too late gets none
TAKE = EffectStatement(
    name="take",
    rank=10,
    refusable=True,
    sql="""
WITH asked AS (SELECT * FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS a(job_id, coins, place)),
purse AS (SELECT coins FROM purse FOR UPDATE),
fits AS (SELECT a.job_id, a.coins FROM asked a, purse p
         WHERE (SELECT sum(b.coins) FROM asked b WHERE b.place <= a.place) <= p.coins),
taken AS (UPDATE purse SET coins = purse.coins - (SELECT coalesce(sum(coins), 0) FROM fits) RETURNING 1)
INSERT INTO receipts (job_id, coins) SELECT job_id, coins FROM fits, taken RETURNING job_id""",
)
NOTE = EffectStatement(
    name="note", rank=20,
    sql="INSERT INTO receipts (job_id, coins) SELECT * FROM unnest($1::uuid[], $2::integer[])",
)  # fmt: skip


@pytest_asyncio.fixture
async def purse(owner: Any) -> AsyncIterator[Any]:
    await owner.execute("""
        CREATE TABLE purse (coins integer CHECK (coins >= 0));
        INSERT INTO purse VALUES (3);
        CREATE TABLE receipts (job_id uuid REFERENCES executions, coins integer CHECK (coins > 0));
        GRANT ALL ON purse, receipts TO milepost_app;
    """)
    yield owner


async def test_of_many_submits_exactly_those_that_the_purse_covers_exist(database: TenantDatabase, purse: Any) -> None:
    answers = await asyncio.gather(
        *(database.ledger.submit(TABLE, new_execution(effects=(Effect(TAKE, (1,)),))) for _ in range(20)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, EffectRefused) for answer in answers) == 17
    assert await purse.fetchval("SELECT coins FROM purse") == 0
    assert await purse.fetchval("SELECT count(*) FROM executions") == 3
    assert await purse.fetchval("SELECT count(*) FROM receipts") == 3
    assert await purse.fetchval("SELECT count(*) FROM status_transitions") == 3


async def test_a_transition_whose_effect_fails_is_not_made(database: TenantDatabase, purse: Any) -> None:
    job = (await database.ledger.submit(TABLE, new_execution())).job
    claimed = (await database.ledger.claim(TABLE, [(job.id, 1)], "w1", 20)).jobs[0]
    done = Done({"output": "x"}, effects=(Effect(NOTE, (0,)),))
    wanted = decide.after_attempt(MACHINE, Policy(), claimed, done, actor=WORKER, now=NOW, chance=0.5)

    with pytest.raises(RowRefused):
        await database.ledger.move(TABLE, wanted)

    row = await purse.fetchrow("SELECT status, version, output FROM executions WHERE id = $1", job.id)
    assert tuple(row) == ("RUNNING", 2, None)


async def test_a_stale_transition_leaves_no_effect(database: TenantDatabase, purse: Any) -> None:
    job = (await database.ledger.submit(TABLE, new_execution())).job
    claimed = (await database.ledger.claim(TABLE, [(job.id, 1)], "w1", 20)).jobs[0]
    done = Done(effects=(Effect(NOTE, (1,)),))
    wanted = decide.after_attempt(MACHINE, Policy(), claimed, done, actor=WORKER, now=NOW, chance=0.5)

    await database.ledger.move(TABLE, wanted)
    with pytest.raises(StaleVersion):
        await database.ledger.move(TABLE, wanted)

    assert await purse.fetchval("SELECT count(*) FROM receipts") == 1


async def test_a_replayed_submit_takes_nothing(database: TenantDatabase, purse: Any) -> None:
    key = "b" * 64

    for _ in range(2):
        await database.ledger.submit(TABLE, new_execution(idempotency_key=key, effects=(Effect(TAKE, (1,)),)))

    assert await purse.fetchval("SELECT coins FROM purse") == 2
