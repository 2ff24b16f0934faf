"""Jobs of users who were suspended or deleted."""

from __future__ import annotations

from typing import Any

from milepost.db.tenants import TenantDatabase
from milepost.engine.inactive import Inactive
from milepost.kinds.executions import KIND
from tests.engine import lives
from tests.factories import Bells


async def tick(maintenance: TenantDatabase, walk: Inactive | None = None, limit: int = 5000) -> int:
    return await (walk or Inactive()).tick(maintenance, KIND, Bells(), actor=lives.ACTOR, limit=limit)


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


async def test_a_long_queue_is_walked_page_by_page_and_then_again(
    database: TenantDatabase, maintenance: TenantDatabase, owner: Any
) -> None:
    user = await lives.new_user(owner)
    for _ in range(5):
        await lives.waiting(database)
    late = await lives.waiting(database, user_id=user)
    walk = Inactive()

    assert [await tick(maintenance, walk, 2) for _ in range(3)] == [0, 0, 0]
    await owner.execute("UPDATE users SET status = 'suspended'")
    assert sum([await tick(maintenance, walk, 2) for _ in range(4)]) == 1
    assert (await lives.now(database, late)).status == "FAILED"
