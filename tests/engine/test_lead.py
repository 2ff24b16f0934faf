"""One leader per duty, by a lease row with a term."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.db.tenants import TenantDatabase
from milepost.engine.lead import Lead


def lead(database: TenantDatabase, holder: str, seconds: float = 30.0) -> Lead:
    return Lead(database, "maintenance", holder, seconds=seconds)


async def test_the_first_leads_and_the_second_waits(maintenance: TenantDatabase) -> None:
    first, second = lead(maintenance, "m1"), lead(maintenance, "m2")

    assert [await first.hold(), await second.hold(), await first.hold()] == [True, False, True]
    assert (first.term, first.leads, second.leads) == (1, True, False)


async def test_a_lease_that_is_over_is_taken_with_the_next_term(maintenance: TenantDatabase, owner: Any) -> None:
    first, second = lead(maintenance, "m1"), lead(maintenance, "m2")
    await first.hold()
    await owner.execute("UPDATE leaders SET expires_at = now()")

    assert (await second.hold(), second.term) == (True, 2)
    assert (await first.hold(), first.term, first.leads) == (False, None, False)


async def test_a_leader_that_releases_is_followed_at_once(maintenance: TenantDatabase) -> None:
    first, second = lead(maintenance, "m1"), lead(maintenance, "m2")
    await first.hold()
    await first.release()

    assert (await second.hold(), second.term, first.leads) == (True, 2, False)


async def test_a_late_release_does_not_end_the_next_term(maintenance: TenantDatabase, owner: Any) -> None:
    first, second = lead(maintenance, "m1"), lead(maintenance, "m2")
    await first.hold()
    await owner.execute("UPDATE leaders SET expires_at = now()")
    await second.hold()

    await first.release()

    assert (await lead(maintenance, "m3").hold(), await second.hold()) == (False, True)


async def test_who_cannot_renew_stops_leading_by_its_own_clock(maintenance: TenantDatabase) -> None:
    short = lead(maintenance, "m1", seconds=0.0)

    assert (await short.hold(), short.leads) == (True, False)


async def test_the_application_role_cannot_lead(database: TenantDatabase) -> None:
    with pytest.raises(Exception, match="permission denied"):
        await lead(database, "m1").hold()
