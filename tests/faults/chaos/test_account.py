"""What a run must notice by itself: faults that met nothing, answers that should not be, and parts that failed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from milepost.client import ApiError, Client
from tests.faults.chaos.journal import Journal
from tests.faults.chaos.on_lines import hindered
from tests.faults.chaos.posts import Post
from tests.faults.chaos.report import Report
from tests.faults.chaos.stage import NotDone
from tests.faults.chaos.witness import Witness, expected
from tests.faults.process import Process
from tests.servers.proxy import proxy


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
