"""Short ids on the command line: shown in lists, accepted by every verb, refused with the candidates when shared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from rich.cells import cell_len

from tests.cli.running import Said, Up, on_terminal
from tests.cli.test_images import STICKER
from tests.cli.test_terminal import plain

Milepost = Callable[..., Said]


@pytest.fixture(scope="module")
def twins(stack: Up) -> tuple[str, str]:
    """Two ids with one end."""
    shared = "0badcafe"
    ids = (f"01a20000-0000-7000-8000-0001{shared}", f"01a20000-0000-7000-8000-0002{shared}")
    insert = (
        "INSERT INTO executions (id, prompt, job_name, deadline_at, scheduled_at, user_id)"
        " SELECT $1, $2, 'exec-twin', now() + interval '2 days', now() + interval '1 day', id FROM users LIMIT 1"
    )

    async def make() -> None:
        connection = await asyncpg.connect(stack.note["owner_database_url"])
        for number, job in enumerate(ids):
            await connection.execute(insert, job, f"Twin {number} [bold]:x:")
        await connection.close()

    asyncio.run(make())
    return ids


@pytest.fixture
def job(milepost: Milepost) -> str:
    return milepost("submit", "execution", "Short but whole.", "--wait", "--json").json["id"]


def test_a_list_shows_short_ids_that_every_verb_takes(milepost: Milepost, job: str):
    short = job[-8:]

    assert short in milepost("jobs", "list").out
    assert job not in milepost("jobs", "list").out
    for verb, code in (("show", 0), ("watch", 0), ("why", 0), ("cancel", 0), ("retry", 4)):
        assert milepost("jobs", verb, short).code == code, verb
    assert milepost("jobs", "show", f"…{short.upper()}", "--json").json["id"] == job


def test_a_short_id_of_no_job_is_a_job_that_is_not_there(milepost: Milepost):
    said = milepost("jobs", "show", "0badf00d")

    assert said.code == 3
    assert said.err.startswith("error: There is no job 0badf00d")


@pytest.mark.parametrize("verb", ["show", "watch", "why", "cancel", "retry"])
def test_a_shared_short_id_is_refused_with_the_candidates(milepost: Milepost, twins: tuple[str, str], verb: str):
    said = milepost("jobs", verb, "0badcafe")

    assert said.code == 4
    assert said.out == ""
    for number, job in enumerate(twins):
        [line] = [line for line in said.err.splitlines() if job in line]
        assert f"Twin {number} [bold]:x:" in line
        assert milepost("jobs", "why", job).code == 0, "the whole id still names one"


def test_a_sticker_is_saved_by_its_own_id_and_by_its_jobs(milepost: Milepost, tmp_path: Path):
    job = milepost("submit", "image", "A small owl", *STICKER, "--wait", "--json").json
    image = next(image for image in milepost("images", "list", "--json").json if image["task_id"] == job["id"])
    listed = milepost("images", "list").out
    named = [job["id"], job["id"][-8:], image["id"], image["id"][-8:]]

    saved = [milepost("images", "save", name, "-o", str(tmp_path / f"{name}.png")).code for name in named]

    assert saved == [0, 0, 0, 0]
    assert len({(tmp_path / f"{name}.png").read_bytes() for name in named}) == 1
    assert named[1] in listed
    assert named[3] in listed
    for nothing in ("0badf00d", "01a20000-0000-7000-8000-0001badf00d0", "no id"):
        assert milepost("images", "save", nothing).code == 3


def test_a_key_is_revoked_by_the_id_that_its_list_shows(milepost: Milepost):
    made = milepost("keys", "create", "short-lived", "--json").json

    assert made["id"][-8:] in milepost("keys", "list").out
    assert milepost("keys", "revoke", made["id"][-8:], "--json").json["status"] == "revoked"
    assert milepost("keys", "revoke", "0badf00d").code == 3
    assert milepost("keys", "revoke", "no id").code == 2


@pytest.mark.parametrize("command", [("jobs", "list"), ("images", "list"), ("keys", "list")])
def test_a_list_fits_the_terminal_and_cuts_no_id(stack: Up, twins: tuple[str, str], command: tuple[str, ...]):
    said = on_terminal(*command, "--data-dir", str(stack.folder))

    # a cursor is there to be copied, and longer than any terminal
    lines = [plain(line) for line in said.out.splitlines() if "--cursor" not in line]
    assert len(lines) > 1
    assert all(cell_len(line) <= 80 for line in lines)
    if command[0] == "jobs":
        assert twins[0][-8:] in said.out
