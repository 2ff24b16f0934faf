"""`milepost migrate` does what it was asked or says why not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from milepost.db.migrate import current, head
from milepost.db.urls import database_name, with_database
from tests.cli.running import Said, call
from tests.db_fixtures import drop

numbers = count()


@pytest.fixture
def database(template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a database that is not there yet, in the environment."""
    url = with_database(template, f"migrated_{next(numbers)}")
    monkeypatch.setenv("MILEPOST_DATABASE_URL", url)
    yield url
    asyncio.run(_clear(template, database_name(url)))


async def _clear(template: str, name: str) -> None:
    connection = await asyncpg.connect(template)
    there = await connection.fetch("SELECT datname FROM pg_database WHERE datname = ANY($1)", [name, f"{name}_control"])
    await connection.close()
    for row in there:
        await drop(template, row[0])


def migrate(folder: Path, *arguments: str) -> Said:
    return call("migrate", "--data-dir", str(folder), *arguments)


def test_going_back_goes_back_and_going_on_goes_on(database: str, tmp_path: Path):
    assert migrate(tmp_path).code == 0

    back = migrate(tmp_path, "--history", "tenant", "--revision", "0003", "--down")
    on = migrate(tmp_path, "--history", "tenant")

    assert (back.code, back.out.split()) == (0, ["tenant", "0003"])
    assert (on.code, on.out.split()) == (0, ["tenant", head("tenant")])


@pytest.mark.parametrize("arguments", [(), ("--history", "tenant"), ("--revision", "0001")])
def test_going_back_without_a_history_and_a_revision_is_refused(
    database: str, tmp_path: Path, arguments: tuple[str, ...]
):
    said = migrate(tmp_path, "--down", *arguments)

    assert said.code == 2
    assert "--history tenant --revision … --down" in said.err
    assert not list(tmp_path.iterdir()), "nothing was begun"


def test_an_earlier_revision_without_down_is_refused_and_not_silently_passed_over(database: str, tmp_path: Path):
    assert migrate(tmp_path).code == 0

    said = migrate(tmp_path, "--history", "tenant", "--revision", "0001")

    assert (said.code, said.out) == (4, "")
    assert f"stays at {head('tenant')}" in said.err
    assert "--down" in said.err
    assert asyncio.run(current(database)) == head("tenant")
