"""A fault that changes nothing says so, and one that changes something does not."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from milepost.engine.api_keys import ensure_user
from tests.faults.chaos import on_postgres, on_redis, trigger
from tests.faults.chaos.plan import Fault
from tests.faults.chaos.stage import NotDone, Stage
from tests.faults.invariants import Promise
from tests.faults.site import OFFLINE


def fault(name: str, seconds: float = 0.0) -> Fault:
    return Fault(0, name, "", seconds, 0.99)


async def test_redis_with_nothing_in_it_and_nobody_who_writes(stage: Stage) -> None:
    with pytest.raises(NotDone, match="Redis was empty"):
        await on_redis.flush(stage, fault("flush redis"))
    with pytest.raises(NotDone, match="refused nothing"):
        await on_redis.fill(stage, fault("fill redis", 0.1))
    with pytest.raises(NotDone, match="there was no job"):
        await on_redis.stale_bells(stage, fault("stale bells"))


async def test_redis_that_refuses_a_bell_was_full(stage: Stage) -> None:
    filling = asyncio.create_task(on_redis.fill(stage, fault("fill redis", 2)))
    while not filling.done():
        await stage.site.submit("One. Two.", model=OFFLINE)
        await asyncio.sleep(0.2)
    await filling
    stage.load.journal.promised += stage.site.promised
    await on_redis.double_bells(stage, fault("double bells"))
    await on_redis.flush(stage, fault("flush redis"))


async def test_bells_of_every_kind_are_rung_again(stage: Stage) -> None:
    picture = """
    INSERT INTO image_tasks (id, user_id, data, deadline_at) VALUES (gen_random_uuid(), $1, '{}', now() + interval '1 hour')
    RETURNING id"""
    user = await ensure_user(stage.site.database, role="maker", name="Painter")
    await stage.site.submit("One. Two.", model=OFFLINE)
    pictures = [Promise(await stage.site.owner.fetchval(picture, user), "image_task")]
    stage.load.journal.promised += [*stage.site.promised, *pictures]
    for ring in (on_redis.double_bells, on_redis.stale_bells):
        await stage.site.redis.flushall()
        await ring(stage, fault("bells"))
        assert await stage.site.redis.exists("milepost:execution", "milepost:image_task") == 2


async def test_a_commit_that_failed_on_request_is_counted_and_tells_the_state_that_was_asked_for(stage: Stage) -> None:
    sql = """
    INSERT INTO executions (id, job_name, prompt, model, max_tokens, deadline_at)
    VALUES (gen_random_uuid(), 'hello', 'Hello', 'any', 1, now() + interval '1 hour')"""
    app = await asyncpg.connect(stage.site.addresses.app)
    try:
        with pytest.raises(NotDone, match="no commit failed"):
            await on_postgres.fail_commits(stage, fault("fail commits"))
        await stage.fetch(trigger.SET, 1.0, "53100")
        before = await stage.fetch(trigger.FAILED)
        with pytest.raises(asyncpg.DiskFullError):
            await app.execute(sql)
        assert await stage.fetch(trigger.FAILED) != before
    finally:
        await app.close()


async def test_a_backend_is_there_as_long_as_a_client_is(stage: Stage) -> None:
    app = await asyncpg.connect(stage.site.addresses.app)
    await on_postgres.stop_backend(stage, fault("stop a backend", 0.1))
    await app.close()
    await stage.site.database.close()
    with pytest.raises(NotDone, match="there was no backend"):
        await on_postgres.terminate(stage, fault("terminate backends"))
    with pytest.raises(NotDone, match="there was no backend"):
        await on_postgres.stop_backend(stage, fault("stop a backend"))
