"""Every command reads an address as libpq does, and none tells a password."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from milepost.db.urls import database_name, login_of, quoted, with_database, with_login
from tests.cli.running import Up, call, clean_environment, new_folder
from tests.db_fixtures import drop_installation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
numbers = count()
# as hosts print it; the suite's server has no TLS
DECORATED = (
    "?sslmode=prefer&application_name=shop&connect_timeout=5&channel_binding=prefer&target_session_attrs=read-write"
)
SECRET = "TopSecret9"
COMMANDS = (
    ("migrate",), ("verify",), ("doctor",), ("keys", "list"), ("audit", "verify"), ("db", "studio"),
    ("worker", "executions"), ("api", "--port", "0"), ("maintain",), ("up", "--port", "0"),
)  # fmt: skip


@pytest.fixture
def database(template: str) -> Iterator[str]:
    url = with_database(template, f"addressed_{next(numbers)}")
    yield url
    asyncio.run(drop_installation(template, database_name(url)))


def test_an_address_as_hosts_print_it_serves_every_command(
    database: str, redis_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = {"MILEPOST_DATABASE_URL": database + DECORATED, "MILEPOST_REDIS_URL": f"{redis_server.url}?protocol=2"}
    for name, value in servers.items():
        monkeypatch.setenv(name, value)
    with new_folder() as folder:
        data = ("--data-dir", str(folder))
        assert call("migrate", *data).code == 0
        with Up(folder, environment=servers):  # API, workers and maintenance
            commands = [
                ("migrate", "--history", "tenant"), ("submit", "execution", "From there.", "--wait"), ("verify",),
                ("audit", "verify"), ("keys", "list"), ("keys", "create", "shop", "--email", "shop@example.com"), ("doctor",),
            ]  # fmt: skip
            for command in commands:
                said = call(*command, *data)
                assert said.code == 0, (command, said.out, said.err)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MILEPOST_DATABASE_URL", f"postgresql://u:{SECRET}#zz@h/db"),
        ("DATABASE_URL", f"postgresql://u:{SECRET}/zz@h/db"),
        ("MILEPOST_OWNER_DATABASE_URL", f"postgresql://u:1{SECRET}@zz@h/db"),
        ("MILEPOST_REDIS_URL", f"redis://:{SECRET}#zz@h/0"),
        ("MILEPOST_S3_ENDPOINT", f"https://u:{SECRET}#zz@h/"),
    ],
)
def test_a_password_that_is_not_encoded_is_told_how_to_be_and_not_shown(
    command: tuple[str, ...], variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    said = call(*command, "--data-dir", str(tmp_path / "stack"))

    assert said.code == 2, said.err
    assert "Percent-encode @ : / ? # % in user and password" in said.err
    assert variable in said.err
    assert SECRET not in said.out + said.err
    assert not (tmp_path / "stack").exists()


def test_a_parameter_that_cannot_be_honoured_is_told_with_its_meaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILEPOST_DATABASE_URL", f"postgresql://u:{SECRET}@h/db?hostaddr=10.0.0.1")

    said = call("migrate", "--data-dir", str(tmp_path))

    assert said.code == 2
    assert "hostaddr=10.0.0.1 cannot be honoured (an address to connect to" in said.err
    assert SECRET not in said.err


@pytest.mark.parametrize("name", ["a" * 64, "b" * 56])
def test_a_name_that_the_server_would_cut_off_is_refused_before_anything_is_made(
    template: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, password = login_of(template)
    server = template.rpartition("@")[2].partition("/")[0]
    monkeypatch.setenv("MILEPOST_DATABASE_URL", f"postgresql://{user}:{password}@{server}/{name}")

    for command in (("migrate",), ("up", "--port", "0")):
        said = call(*command, "--data-dir", str(tmp_path / "stack"))
        assert said.code == 2, said.err
    assert not (tmp_path / "stack").exists()
    assert asyncio.run(_names_like(template, name[:20])) == []


async def _names_like(template: str, start: str) -> list[str]:
    connection = await asyncpg.connect(template)
    found = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE $1", f"{start}%")
    await connection.close()
    return [row[0] for row in found]


def test_first_migrations_at_once_wait_for_each_other(database: str, tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "milepost.cli.app", "migrate", "--json", "--data-dir", str(tmp_path)]
    environment = clean_environment(MILEPOST_DATABASE_URL=database)

    begun = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    ended = [(process.communicate(timeout=100), process.returncode) for process in begun]

    assert [code for _, code in ended] == [0, 0, 0], ended
    assert len({out for (out, _), _ in ended}) == 1
    assert sum("A new master key was written" in err for (_, err), _ in ended) == 1


def test_an_owner_who_may_create_no_databases_is_told_which_to_create(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = 'the "weak" shop'
    url = with_login(with_database(template, name), "poor", "poor")
    monkeypatch.setenv("MILEPOST_DATABASE_URL", url)
    asyncio.run(_as_owner(template, "CREATE ROLE poor LOGIN PASSWORD 'poor'"))
    try:
        said = call("migrate", "--data-dir", str(tmp_path))

        assert said.code == 2
        statements = [f'CREATE DATABASE {quoted(database)} OWNER "poor";' for database in (name, f"{name}_control")]
        told = " ".join(said.err.split())
        assert all(statement in told for statement in statements), said.err
        asyncio.run(_as_owner(template, *statements))
        assert call("migrate", "--data-dir", str(tmp_path)).code == 0
    finally:
        asyncio.run(
            _as_owner(template, *(f"DROP DATABASE IF EXISTS {quoted(one)}" for one in (name, f"{name}_control")))
        )
        asyncio.run(_as_owner(template, "DROP ROLE poor"))


async def _as_owner(template: str, *statements: str) -> None:
    connection = await asyncpg.connect(template)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()
