"""One real PostgreSQL and one real Redis (Valkey) per test process, or the ones that the environment names.

Under xdist each worker process starts its own pair: half a second each, and no lock to share one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from milepost.embedded import EmbeddedPostgres, EmbeddedRedis

# What a crash would lose is thrown away anyway.
FAST_AND_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}

# A test clones a database of some 600 files and drops it again: 20 ms in memory, 30 to 300 ms on a disk.
MEMORY = Path("/dev/shm")
PREFIX = "milepost-test-"
ROOM = 4 << 30  # bytes; a server takes a tenth of it, most of that its log of changes


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """Where the suite's PostgreSQL is; `pid` and `log` are None for a server that is not ours."""

    owner_url: str
    pid: int | None = None
    log: Path | None = None


@dataclass(frozen=True, slots=True)
class RedisServer:
    """Where the suite's Redis is; `pid` and `log` are None for a server that is not ours."""

    url: str
    pid: int | None = None
    log: Path | None = None


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    """A folder for servers, directly below the temporary folder: below pytest's own, nobody could not enter."""
    _remove_what_killed_sessions_left()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=_in_memory_if_there_is_room()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _in_memory_if_there_is_room() -> Path | None:
    usable = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if usable else None


def _remove_what_killed_sessions_left() -> None:
    for folder in MEMORY.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(servers_dir: Path) -> Iterator[PostgresServer]:
    """The suite's PostgreSQL, with its owner's login."""
    if named := os.environ.get("MILEPOST_TEST_DATABASE_URL"):
        yield PostgresServer(named)
        return
    with EmbeddedPostgres(servers_dir / "postgres", settings=FAST_AND_FORGETFUL) as server:
        yield PostgresServer(server.owner_url, server.pid, server.log)


@pytest.fixture(scope="session")
def redis_server(servers_dir: Path) -> Iterator[RedisServer]:
    """The suite's Redis; tests take database numbers or key prefixes of their own, or flush it."""
    if named := os.environ.get("MILEPOST_TEST_REDIS_URL"):
        yield RedisServer(named)
        return
    with EmbeddedRedis(servers_dir / "redis") as server:
        yield RedisServer(server.url, server.pid, server.log)
