"""An embedded PostgreSQL starts for everyone, keeps its data and belongs to one process."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import asyncpg
import pytest

from milepost.embedded import DataFolderInUse, EmbeddedError, EmbeddedPostgres, ServerDied
from milepost.embedded.child import free_port

FORGETFUL = {"fsync": "off"}


async def fetch(url: str, query: str):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_answers_on_loopback_with_a_password_and_no_socket(folder: Path):
    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL) as server:
        assert await fetch(server.owner_url, "SELECT 1") == 1
        assert await fetch(server.owner_url, "SHOW listen_addresses") == "127.0.0.1"
        assert await fetch(server.owner_url, "SHOW unix_socket_directories") == ""
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.owner_url, password="wrong")


async def test_is_durable_unless_asked_otherwise(folder: Path):
    with EmbeddedPostgres(folder / "pg") as server:
        assert await fetch(server.owner_url, "SHOW fsync") == "on"
        assert await fetch(server.owner_url, "SHOW synchronous_commit") == "on"
        assert await fetch(server.owner_url, "SHOW max_connections") == "200"
        assert await fetch(server.owner_url, "SHOW wal_level") == "replica"


def test_password_is_private_and_on_no_command_line(folder: Path):
    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL) as server:
        password_file = folder / "pg" / "password"
        command_line = Path(f"/proc/{server.pid}/cmdline").read_text()

        assert stat.S_IMODE(password_file.stat().st_mode) == 0o600
        assert password_file.read_text() in server.owner_url
        assert password_file.read_text() not in command_line


async def test_second_start_finds_the_first_ones_rows(folder: Path):
    server = EmbeddedPostgres(folder / "pg", settings=FORGETFUL)
    server.start()
    await fetch(server.owner_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()

    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL) as again:
        assert await fetch(again.owner_url, "SELECT answer FROM kept") == 42


@pytest.mark.faults
async def test_starts_again_after_the_server_was_killed(folder: Path):
    server = EmbeddedPostgres(folder / "pg")
    server.start()
    await fetch(server.owner_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()

    with EmbeddedPostgres(folder / "pg") as again:
        assert await fetch(again.owner_url, "SELECT answer FROM kept") == 42


async def test_pid_file_that_names_a_stranger_does_not_stop_it(folder: Path):
    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL):
        pass
    (folder / "pg" / "cluster" / "postmaster.pid").write_text(f"{os.getpid()}\n")

    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL) as again:
        assert await fetch(again.owner_url, "SELECT 1") == 1


def test_folder_of_a_running_server_is_refused_with_its_holder(folder: Path):
    with (
        EmbeddedPostgres(folder / "pg", settings=FORGETFUL),
        pytest.raises(DataFolderInUse, match=f"in use by process {os.getpid()}"),
    ):
        EmbeddedPostgres(folder / "pg", settings=FORGETFUL).start()


def test_taken_port_is_named(folder: Path):
    with (
        EmbeddedPostgres(folder / "one", settings=FORGETFUL) as first,
        pytest.raises(EmbeddedError, match=f"Port {first.port} is taken"),
    ):
        EmbeddedPostgres(folder / "two", port=first.port, settings=FORGETFUL).start()


async def test_named_port_is_used(folder: Path):
    port = free_port()
    with EmbeddedPostgres(folder / "pg", port=port, settings=FORGETFUL) as server:
        assert server.port == port
        assert await fetch(server.owner_url, "SHOW port") == str(port)


def test_bad_setting_shows_the_servers_own_words(folder: Path):
    with pytest.raises(ServerDied, match="unrecognized configuration parameter"):
        EmbeddedPostgres(folder / "pg", settings={"no_such_setting": "1"}).start()


def test_cluster_of_another_major_version_is_refused(folder: Path):
    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL):
        pass
    (folder / "pg" / "cluster" / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedError, match="was made by PostgreSQL 9"):
        EmbeddedPostgres(folder / "pg", settings=FORGETFUL).start()


def test_using_a_server_that_is_not_started_is_an_error(folder: Path):
    with pytest.raises(EmbeddedError, match="is not started"):
        _ = EmbeddedPostgres(folder / "pg").owner_url
