"""Logins are made without their passwords being told to the server."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from milepost.db.roles import APP
from milepost.db.urls import with_login
from milepost.tenancy.install import Login, prepare_cluster
from milepost.tenancy.scram import verifier

PASSWORDS = ["plain-and-long", 'it\'s "quoted" \\ $1', "Grüße\u00a0ﬁne", "soft\u00adhyphen", "१२३", "\u200b\u06dd"]


@pytest.mark.parametrize("password", PASSWORDS)
async def test_a_login_made_with_a_verifier_gets_in_with_its_password_and_no_other(
    template: str, password: str
) -> None:
    await prepare_cluster(template, (Login("milepost_verified_app", APP, password),))
    url = with_login(template, "milepost_verified_app", password)
    opened = await asyncpg.connect(url, database="template1")
    assert await opened.fetchval("SELECT current_user") == "milepost_verified_app"
    await opened.close()

    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(with_login(template, "milepost_verified_app", password + "x"), database="template1")


async def test_a_password_is_not_in_any_statement(postgres: Any, template: str) -> None:
    log: Path | None = postgres.log
    if log is None:
        pytest.skip("somebody else's server: its log is out of reach")
    owner = await asyncpg.connect(template)
    await owner.execute("ALTER SYSTEM SET log_statement = 'all'")
    await owner.execute("SELECT pg_reload_conf()")
    try:
        while await owner.fetchval("SHOW log_statement") != "all":
            pass
        await prepare_cluster(template, (Login("milepost_logged_app", APP, "never-to-be-told"),))
    finally:
        await owner.execute("ALTER SYSTEM RESET log_statement")
        await owner.execute("SELECT pg_reload_conf()")
        await owner.close()

    told = log.read_text()
    assert 'ROLE "milepost_logged_app" LOGIN PASSWORD \'SCRAM-SHA-256$' in told
    assert "never-to-be-told" not in told


async def test_the_server_makes_the_same_verifier_of_a_password(template: str) -> None:
    owner = await asyncpg.connect(template)
    try:
        await owner.execute("SET password_encryption = 'scram-sha-256'")
        await owner.execute("CREATE ROLE milepost_by_server PASSWORD 'the same'")
        stored: str = await owner.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'milepost_by_server'")
        await owner.execute("DROP ROLE milepost_by_server")
    finally:
        await owner.close()
    salt = b64decode(stored.split("$")[1].partition(":")[2])
    assert verifier("the same", salt) == stored
