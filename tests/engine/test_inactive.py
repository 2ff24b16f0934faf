"""Jobs of users who were suspended or deleted."""

from __future__ import annotations

from typing import Any

from milepost.db.tenants import TenantDatabase
from milepost.engine.inactive import end_inactive
from milepost.kinds.executions import KIND
from tests.engine import lives
from tests.factories import Bells


async def tick(maintenance: TenantDatabase, limit: int = 5000, most: int = 50_000) -> int:
    return await end_inactive(maintenance, KIND, Bells(), actor=lives.ACTOR, limit=limit, most=most)


async def test_the_waiting_jobs_of_a_suspended_user_fail_and_the_running_ones_go_on(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    user, other = await lives.new_user(owner, "suspended"), await lives.new_user(owner)
    waiting, running = await lives.waiting(database, user_id=user), await lives.running(database, user_id=user)
    theirs, nobodys = await lives.waiting(database, user_id=other), await lives.waiting(database)

    assert await tick(maintenance) == 1

    after = await lives.now(database, waiting)
    assert (after.status, after["error_code"], after["status_reason"]) == ("FAILED", "USER_INACTIVE", "user_inactive")
    for job, status in ((running, "RUNNING"), (theirs, "PENDING"), (nobodys, "PENDING")):
        assert (await lives.now(database, job)).status == status


async def test_the_jobs_of_a_deleted_user_are_cancelled_or_asked_to_stop(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    user = await lives.new_user(owner, "deleted")
    waiting, running = await lives.waiting(database, user_id=user), await lives.running(database, user_id=user)

    assert await tick(maintenance) == 2

    assert (await lives.now(database, waiting)).status == "CANCELLED"
    asked = await lives.now(database, running)
    assert (asked.status, asked.version, asked.cancel_requested_at is None) == ("RUNNING", 2, False)
    assert await tick(maintenance) == 0


async def test_a_suspended_user_at_the_end_of_a_long_queue_is_found_at_once(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    user = await lives.new_user(owner)
    for _ in range(5):
        await lives.waiting(database)
    late = await lives.waiting(database, user_id=user)
    assert await tick(maintenance, 2) == 0

    await owner.execute("UPDATE users SET status = 'suspended'")

    assert await tick(maintenance, 2) == 1
    assert (await lives.now(database, late)).status == "FAILED"


async def test_one_tick_ends_many_users_jobs_page_by_page_but_no_more_than_it_may(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    for status in ("suspended", "deleted", "suspended"):
        user = await lives.new_user(owner, status)
        for _ in range(3):
            await lives.waiting(database, user_id=user)

    assert await tick(maintenance, 2, most=4) == 4
    assert await tick(maintenance, 2) == 5
    assert await tick(maintenance, 2) == 0


async def test_jobs_that_cannot_end_do_not_keep_the_others_from_it(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    user, other = await lives.new_user(owner, "suspended"), await lives.new_user(owner, "suspended")
    stuck = [await lives.waiting(database, user_id=min(user, other), priority=7) for _ in range(2)]
    free = [await lives.waiting(database, user_id=max(user, other)) for _ in range(2)]
    await owner.execute("ALTER TABLE executions ADD CONSTRAINT no CHECK (status = 'PENDING' OR priority <> 7)")

    assert await tick(maintenance, 2) == 2

    assert {(await lives.now(database, job)).status for job in stuck} == {"PENDING"}
    assert {(await lives.now(database, job)).status for job in free} == {"FAILED"}
