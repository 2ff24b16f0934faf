"""An embedded Redis keeps what it was told, even when it is killed."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest
from redis import AuthenticationError, Redis

from milepost.embedded import DataFolderInUse, EmbeddedError, EmbeddedRedis, ServerDied


def client_of(server: EmbeddedRedis) -> Redis:
    return Redis.from_url(server.url, decode_responses=True)


def test_refuses_to_lose_or_to_evict(folder: Path):
    with EmbeddedRedis(folder / "redis") as server, client_of(server) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


@pytest.mark.parametrize("name", ["[bold]", "*?", 'd"d', "per%cent $HOME"])
def test_a_folder_may_have_any_name(folder: Path, name: str):
    with EmbeddedRedis(folder / name) as server, client_of(server) as client:
        assert client.config_get("dir") == {"dir": str(folder / name)}
        assert client.config_get("port") == {"port": str(server.port)}


def test_asks_for_a_password_that_no_process_list_shows(folder: Path):
    with EmbeddedRedis(folder / "redis") as server:
        password = (folder / "redis" / "password").read_text()
        stranger = Redis(port=server.port)

        with pytest.raises(AuthenticationError), stranger:
            stranger.ping()
        assert password not in Path(f"/proc/{server.pid}/cmdline").read_text()
        assert stat.S_IMODE((folder / "redis" / "password").stat().st_mode) == 0o600
        assert stat.S_IMODE((folder / "redis" / "server.conf").stat().st_mode) == 0o600


@pytest.mark.faults
def test_five_hundred_keys_outlive_sigkill(folder: Path):
    server = EmbeddedRedis(folder / "redis")
    server.start()
    with client_of(server) as client:
        client.mset({f"key:{n}": n for n in range(500)})
        os.kill(server.pid, signal.SIGKILL)
    server.stop()

    with EmbeddedRedis(folder / "redis") as again, client_of(again) as client:
        assert client.dbsize() == 500
        assert client.get("key:499") == "499"


def test_folder_of_a_running_server_is_refused(folder: Path):
    with EmbeddedRedis(folder / "redis"), pytest.raises(DataFolderInUse, match="in use by process"):
        EmbeddedRedis(folder / "redis").start()


def test_taken_port_is_named(folder: Path):
    with (
        EmbeddedRedis(folder / "one") as first,
        pytest.raises(EmbeddedError, match=f"Port {first.port} is taken"),
    ):
        EmbeddedRedis(folder / "two", port=first.port).start()


def test_death_at_start_shows_the_log(folder: Path):
    with EmbeddedRedis(folder / "redis"):
        pass
    for part in (folder / "redis" / "appendonlydir").glob("*.manifest"):
        part.write_text("not a manifest\n")

    with pytest.raises(ServerDied, match="manifest"):
        EmbeddedRedis(folder / "redis").start()
