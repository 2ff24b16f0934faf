"""What a run must notice by itself: faults that met nothing, answers that should not be, and parts that failed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from milepost.client import ApiError, Client
from tests.faults.answers import wrong_answers
from tests.faults.chaos.__main__ import RESULT, TRIAL, parsed
from tests.faults.chaos.journal import Journal
from tests.faults.chaos.on_lines import hindered
from tests.faults.chaos.posts import Post
from tests.faults.chaos.report import Report
from tests.faults.chaos.stage import NotDone, Stage
from tests.faults.chaos.witness import Witness, expected
from tests.faults.holders import named
from tests.faults.invariants import ALWAYS, Invariant, Promise, counterexamples
from tests.faults.process import Process
from tests.faults.site import OFFLINE
from tests.servers.proxy import proxy

LATE = Invariant("I11", "no worker noted or renewed anything of a job that was no longer its own")


@asynccontextmanager
async def server_that_answers(head: str) -> AsyncIterator[int]:
    """Its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {head}\r\ncontent-length: 4\r\nconnection: close\r\n\r\noops".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int, journal: Journal) -> None:
    """For something that is not given."""
    async with Client(f"http://127.0.0.1:{port}", "key", patience=0.5, transport=Witness(journal)) as client:
        with pytest.raises(ApiError):
            await client.submit("executions", prompt="Hello")


async def test_a_server_error_is_witnessed_with_what_it_said(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        async with server_that_answers("500 Internal Server Error") as port:
            await ask(port, journal)
    assert (journal.statuses[500], journal.unexpected) == (1, [(500, "POST /v1/executions", "oops")])


async def test_an_answer_that_the_client_tries_again_is_counted_each_time(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        async with server_that_answers("503 Service Unavailable") as port:
            await ask(port, journal)
    assert journal.statuses[503] > 1
    assert journal.unexpected == []


def test_no_server_error_is_expected_but_that_the_service_is_not_available() -> None:
    assert [status for status in range(100, 600) if status >= 500 and expected(status)] == [503]
    assert not expected(302)


async def test_a_fault_of_a_line_that_nobody_uses_is_not_done() -> None:
    async with server_that_answers("200 OK") as port, proxy("127.0.0.1", port) as line:
        with pytest.raises(NotDone, match="nothing came along the line"), hindered(line):
            line.cut()
        with hindered(line):
            line.lose_answers(1)
            reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
            writer.close()


async def test_a_post_is_kept_whatever_kept_its_holder_from_starting() -> None:
    tries = asyncio.Semaphore(0)

    async def start() -> Process:
        tries.release()
        raise ValueError

    post = Post("api", start)
    keeping = asyncio.create_task(post.keep())
    for _ in range(2):
        await tries.acquire()
    keeping.cancel()
    assert post.deaths == {"not started, ValueError": 2}


@pytest.mark.parametrize(("faults", "acknowledged", "refused"), [(0, 9, 0), (300, 0, 0), (300, 9, 1)])
def test_a_run_that_tried_nothing_is_not_fine(faults: int, acknowledged: int, refused: int) -> None:
    report = Report(7, 60, None, 4, "abc", faults=faults, jobs_acknowledged=acknowledged, refused=refused)
    assert not report.fine


def test_a_part_that_failed_spoils_the_verdict_and_not_the_figures(tmp_path: Path) -> None:
    report = Report(7, 60, None, 4, "abc", faults=300, jobs_acknowledged=9)
    assert (report.fine, report.upper_limit) == (True, 0.01)
    report.fail("recovery", ValueError("no such row"))
    report.write(tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())
    assert (report.fine, told["faults"], told["violations_per_fault_upper_95"]) == (False, 300, None)
    assert told["incomplete"][0].startswith("recovery: ")
    assert told["machine"]["cpus"]


async def test_an_id_that_is_of_another_request_or_kind_or_of_nothing_is_told(stage: Stage) -> None:
    ours, theirs = await rows_tagged(stage, "ours", "theirs")
    promised = [
        Promise(ours, "execution", "ours"),
        Promise(theirs, "execution", "ours"),
        Promise(theirs, "image_task"),
        Promise(uuid4(), "execution", "lost"),
    ]
    found = await counterexamples(stage.site.owner, {}, promised)
    assert {str(invariant): [row["id"] for row in rows] for invariant, rows in found.items()} == {
        "I1 every acknowledged job is stored": [promised[3].id],
        "I1 the id that was answered is of the job that was asked for": [theirs, theirs],
    }


def test_a_batch_that_is_answered_with_another_number_of_ids_promises_what_there_is_not(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        for key, jobs in {"7-batch-0-1": 2, "7-batch-0-2": 3}.items():
            journal.attempted(key, "executions", jobs)
            journal.heard(key, [uuid4(), uuid4()])
    assert [one.tag for one in journal.promised] == ["7-batch-0-1/0", "7-batch-0-1/1", *["one of 3, not of 2"] * 2]


async def test_an_answer_to_another_prompt_is_told(stage: Stage) -> None:
    async with stage.site.workers():
        ids = await stage.site.submit("[[drip seconds=0 pieces=2]] Say something.", "[[huge bytes=300000]] Say more.")
        ids += await stage.site.submit("One. Two.", model=OFFLINE)
        await stage.site.until_ended(ids)
    assert await wrong_answers(stage.site.owner) == []
    drip, huge, _ = [row["output"] for row in await stage.site.rows(ids)]
    assert drip.endswith(" piece 0 piece 1 ")
    for job_id, other in zip(ids, (huge, drip, drip), strict=True):
        await stage.site.owner.execute("UPDATE executions SET output = $2 WHERE id = $1", job_id, other)
    assert {row[0] for row in await wrong_answers(stage.site.owner)} == set(ids)


async def test_a_note_of_a_process_that_no_longer_has_the_job_is_told(stage: Stage) -> None:
    job_id, claim = (await rows_tagged(stage, "ours"))[0], "status = 'RUNNING', version = version + 1, attempt = 1,"
    lease = "claimed_at = now(), started_at = now(), lease_owner = 'me', lease_expires_at = now()"
    async with as_process(stage, "worker-1") as first, as_process(stage, "worker-2") as second:
        await first.execute(f"UPDATE executions SET {claim} {lease} WHERE id = $1", job_id)
        for process, progress in ((first, 10), (second, 20), (first, 30)):
            await process.execute("UPDATE executions SET progress = $2 WHERE id = $1", job_id, progress)
        await second.execute("UPDATE executions SET cancel_requested_at = now() WHERE id = $1", job_id)
    found = await counterexamples(stage.site.owner, {LATE: ALWAYS[LATE]}, [])
    assert [tuple(row) for row in found[LATE]] == [(job_id, 2, "worker-2", "worker-1")]


@asynccontextmanager
async def as_process(stage: Stage, name: str) -> AsyncIterator[Any]:
    """A connection as that process has it."""
    connection = await asyncpg.connect(named(stage.site.addresses.app, name))
    try:
        yield connection
    finally:
        await connection.close()


async def rows_tagged(stage: Stage, *tags: str) -> list[UUID]:
    sql = """
    INSERT INTO executions (id, job_name, prompt, model, max_tokens, deadline_at, metadata)
    VALUES (gen_random_uuid(), 'hello', 'Hello', 'any', 1, now() + interval '1 hour', jsonb_build_object('tag', $1::text))
    RETURNING id"""
    return [await stage.site.owner.fetchval(sql, tag) for tag in tags]


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (["--minutes", "60"], RESULT),
        (["--minutes", "2"], TRIAL),
        (["--minutes", "60", "--faults", "kill"], TRIAL),
        (["--minutes", "60", "--break", "no_rescuer"], TRIAL),
        (["--out", "elsewhere.json"], Path("elsewhere.json")),
    ],
)
def test_only_an_hour_of_everything_is_written_where_the_pages_read_it(arguments: list[str], where: Path) -> None:
    assert parsed(arguments).out == where


def test_what_broke_is_written_by_its_whole_name() -> None:
    report = Report(7, 60, None, 4, "abc", broken={LATE: [("a job", 2)]})
    assert report.as_json()["broken"] == {str(LATE): [("a job", 2)]}
