"""A stack on servers that run already, and the settings that production insists on."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from milepost.db.urls import login_of, with_database
from milepost.queue.connection import connect
from milepost.queue.wire import INSTALLATION_KEY
from tests.cli.running import Up, call, clean_environment, new_folder
from tests.db_fixtures import drop
from tests.embedded.processes import wait_for_end

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def servers(template: str, redis_server: Any) -> Iterator[dict[str, str]]:
    """What somebody exports who has a PostgreSQL and a Redis."""
    redis_url = redis_server.url.rpartition("/")[0] + "/7"
    yield {"MILEPOST_DATABASE_URL": with_database(template, "elsewhere"), "MILEPOST_REDIS_URL": redis_url}

    async def clear() -> None:
        connection = await asyncpg.connect(template)
        there = await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'elsewhere%'")
        await connection.close()
        for row in there:
            await drop(template, row[0])
        redis = connect(redis_url)
        await redis.flushdb()
        await redis.aclose()

    asyncio.run(clear())


def test_named_servers_are_used_and_found_by_whoever_names_them_too(
    servers: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    with new_folder() as folder, Up(folder, environment=servers) as up:
        note = up.note
        for name, value in servers.items():
            monkeypatch.setenv(name, value)
        done = call("submit", "execution", "Somewhere else.", "--wait", "--json", "--data-dir", str(folder))
        verified = call("verify", "--data-dir", str(folder))
        examined = call("doctor", "--json", "--data-dir", str(folder))

        assert not {"postgres", "redis"} & set(note["pids"])
        assert note["redis_url"] == servers["MILEPOST_REDIS_URL"]
        assert note["owner_database_url"] == servers["MILEPOST_DATABASE_URL"]
        assert login_of(note["database_url"])[0] == "milepost_elsewhere_app"
        assert note["control_database_url"].endswith("/elsewhere_control")
        assert (done.code, done.json["status"]) == (0, "COMPLETED")
        assert verified.code == 0, verified.err
        assert examined.code == 0, examined.out


def test_production_without_a_provider_is_refused_with_a_clear_error(servers: dict[str, str]):
    with new_folder() as folder:
        environment = clean_environment(**servers, MILEPOST_MODE="production", MILEPOST_MASTER_KEY="5e" * 32)
        ended = _up_that_fails(folder, environment)

        assert ended.returncode == 2
        assert "No provider of language models is configured" in ended.stderr
        assert "Traceback" not in ended.stderr
        assert not (folder / "milepost.json").exists()
        assert not (folder / "master.key").exists()


def test_another_installations_redis_is_refused_before_any_process_is_started(
    servers: dict[str, str], foreign_redis: str
):
    with new_folder() as folder:
        ended = _up_that_fails(folder, clean_environment(**servers | {"MILEPOST_REDIS_URL": foreign_redis}))

        assert ended.returncode == 4
        assert "belongs to another installation, somebody-else" in ended.stderr
        assert "is up" not in ended.stdout
        assert not (folder / "logs" / "api.log").exists()


@pytest.fixture
def foreign_redis(redis_server: Any) -> str:
    url = redis_server.url.rpartition("/")[0] + "/8"

    async def write() -> None:
        redis = connect(url)
        await redis.set(INSTALLATION_KEY, "somebody-else", ex=600)
        await redis.aclose()

    asyncio.run(write())
    return url


def test_a_redis_that_is_away_is_told_of_and_waited_for(servers: dict[str, str]):
    away = {"MILEPOST_REDIS_URL": "redis://127.0.0.1:9/0"}
    with new_folder() as folder, Up(folder, environment=servers | away) as up:
        assert "Milepost is up." in up.greeting
        up.process.send_signal(signal.SIGINT)
        _, complaints = up.process.communicate(timeout=60)

    assert "Redis is not available" in complaints


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("MILEPOST_REDIS_URL", "nonsense", "MILEPOST_REDIS_URL cannot be read: it must begin with redis://"),
        ("MILEPOST_REDIS_URL", "redis://:pa/ss@host:63x79", "MILEPOST_REDIS_URL cannot be read"),
        ("MILEPOST_DATABASE_URL", "mysql://o:pa/ss@127.0.0.1/x", "must begin with postgresql://"),
        ("MILEPOST_MODE", "production", "There is no master key"),
    ],
)
def test_a_setting_that_is_wrong_is_told_before_any_server_is_started(
    setting: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(setting, value)
    with new_folder() as folder:
        said = call("up", "--port", "0", "--data-dir", str(folder))

        assert (said.code, said.out) == (2, "")
        assert told in said.err
        assert "pa/ss" not in said.err
        assert {entry.name for entry in folder.glob("*")} <= {"files"}, "no server's folder, no key"


def test_a_database_that_is_away_is_said_to_be():
    with new_folder() as folder:
        environment = clean_environment(MILEPOST_DATABASE_URL="postgresql://o:secret@127.0.0.1:9/x")
        ended = _up_that_fails(folder, environment)

        assert ended.returncode == 5
        assert "PostgreSQL is not available" in ended.stderr
        assert "secret" not in ended.stderr


def _up_that_fails(folder: Any, environment: dict[str, str]) -> Any:
    command = [sys.executable, "-P", "-m", "milepost.cli.app", "up", "--port", "0", "--data-dir", str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_stack_that_is_stopped_while_it_starts_leaves_nothing():
    with new_folder() as folder:
        command = [sys.executable, "-P", "-m", "milepost.cli.app", "up", "--port", "0", "--data-dir", str(folder)]
        process = subprocess.Popen(command, env=clean_environment(), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        postgres = _postmaster(folder)

        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

        wait_for_end([postgres])
        assert process.returncode == 130
        assert said == b""
        assert not (folder / "milepost.json").exists()


def _postmaster(folder: Any) -> int:
    """Its pid, as soon as there is one: the start has then just begun."""
    file, ends = folder / "postgres" / "cluster" / "postmaster.pid", time.monotonic() + 60
    while time.monotonic() < ends:
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        time.sleep(0.01)
    raise AssertionError("PostgreSQL did not start")
