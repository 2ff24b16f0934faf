"""A key and the user it is the first of are made together, or neither."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from milepost.db.tenants import TenantDatabase
from milepost.domain.api_key import hash_key
from milepost.domain.errors import UserNotFound
from milepost.domain.scopes import ALLOWED
from milepost.engine.api_keys import create_key_by_email

EMAIL = "half@example.com"


async def make(database: TenantDatabase, *, name: str = "n", email: str = EMAIL, role: str | None = None) -> Any:
    return await create_key_by_email(
        database, email=email, role=role, name=name, scopes=None, chance=bytes(32), pepper=None, actor="cli:test"
    )


async def test_a_key_that_is_refused_leaves_no_user_behind(database: TenantDatabase, owner: Any):
    with pytest.raises(asyncpg.CheckViolationError):
        await make(database, name="")

    assert await owner.fetchval("SELECT count(*) FROM users WHERE email = $1", EMAIL) == 0


async def test_a_key_brings_the_user_that_was_not_there(database: TenantDatabase, owner: Any):
    key, row = await make(database, email="Half@example.com", role="maker")

    assert await owner.fetchval("SELECT role FROM users WHERE email = $1", EMAIL) == "maker"
    assert set(row["scopes"]) == ALLOWED["maker"]
    assert hash_key(key.text) not in row.values()


async def test_nobody_makes_a_key_for_a_user_that_is_suspended(database: TenantDatabase, owner: Any):
    await owner.execute("INSERT INTO users (role, email, status) VALUES ('caster', $1, 'suspended')", EMAIL)

    with pytest.raises(UserNotFound, match=EMAIL):
        await make(database)
