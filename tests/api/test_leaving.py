"""Clients that leave in the middle of something: that is no error of ours, and nothing half done stays."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api_fixtures import House
from tests.wire_fixtures import CHUNKED, HOST, NEXT, PATH, Wire, get, in_bytes, statuses_of

MAKER = ("spell:publish", "cast:invoke", "job:submit", "job:read")
JSON = "Content-Type: application/json\r\n"
FORM = "Content-Type: multipart/form-data; boundary=x\r\n"
LENGTH = "Content-Length: 1000\r\n"
# as far as the client comes: every place at which it may leave
ENDS = {
    "nothing of a body": LENGTH + "\r\n",
    "some of a body": LENGTH + '\r\n{"prompt":"a',
    "nothing of the chunks": CHUNKED + "\r\n",
    "half a size": CHUNKED + "\r\n1",
    "half an extension": CHUNKED + "\r\n5;a=b",
    "half a chunk": CHUNKED + '\r\n50\r\n{"prompt":"a',
    "no last chunk": CHUNKED + "\r\n5\r\n{    \r\n",
    "half a trailer": CHUNKED + "\r\n5\r\n{    \r\n0\r\nX-A: b",
    "half a head": "X-A: ",
}


async def begun(wire: Wire, part: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A request whose bytes have all arrived."""
    reader, writer = await wire.open()
    writer.write(in_bytes(part))
    await writer.drain()
    while not any(getattr(one, "number", 0) for one in wire.server.server_state.connections):  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return reader, writer


async def gone(wire: Wire, writer: asyncio.StreamWriter) -> None:
    """Closes, as a client does or a cable, and waits until the application has done with it."""
    writer.transport.abort()
    async with asyncio.timeout(10):
        while wire.server.server_state.tasks or wire.server.server_state.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.exc_info or record.levelname == "ERROR"]


async def writing_routes(house: House, caller: Any) -> list[tuple[str, str, str]]:
    """Method, path and media type of everything that takes a body."""
    job = (await caller.submit())["id"]
    wanted = {"file_name": "x", "file_size": 1000}
    upload = (await caller.http.post(f"{PATH}/{job}/artifacts", json=wanted)).json()["upload_url"]
    return [
        ("POST", PATH, JSON), ("POST", f"{PATH}:batch", JSON), ("POST", "/v1/images", JSON),
        ("POST", f"{PATH}/{job}/cancel", JSON), ("POST", f"{PATH}/{job}/retry", JSON), ("PATCH", f"{PATH}/{job}", JSON),
        ("POST", f"{PATH}/{job}/artifacts", JSON), ("PUT", upload, ""), ("POST", "/v1/images/sources", FORM),
    ]  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
async def test_who_leaves_in_the_middle_of_a_request_leaves_nothing_behind(
    house: House, wire: Wire, owner: Any, caplog: pytest.LogCaptureFixture, end: str
) -> None:
    caller = await house.caller(*MAKER)
    routes = await writing_routes(house, caller)
    before = await owner.fetchval("SELECT count(*) FROM audit_logs")

    for method, path, kind in routes:
        head = f"{method} {path} HTTP/1.1\r\n{HOST}Authorization: Bearer {caller.key}\r\n{kind}"
        _, writer = await begun(wire, head + ENDS[end])
        await gone(wire, writer)

    assert errors(caplog) == []
    assert await owner.fetchval("SELECT count(*) FROM audit_logs") == before
    assert [row["version"] for row in await owner.fetch("SELECT version FROM executions")] == [1]


async def test_who_leaves_while_the_application_waits_for_the_body_is_no_error(
    house: House, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await house.caller(*MAKER)
    for method, path, kind in await writing_routes(house, caller):
        head = f"{method} {path} HTTP/1.1\r\n{HOST}Authorization: Bearer {caller.key}\r\n{kind}"
        _, writer = await begun(wire, f"{head}Expect: 100-continue\r\n{LENGTH}\r\n")
        await asyncio.sleep(0.1)  # it has asked for the body, or has refused to
        await gone(wire, writer)

    assert errors(caplog) == []


async def test_who_leaves_in_the_middle_of_an_answer_is_no_error(
    house: House, wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await house.caller()
    job = (await caller.submit())["id"]
    wanted = {"file_name": "x", "file_size": 8 * 1024 * 1024}
    file = (await caller.http.post(f"{PATH}/{job}/artifacts", json=wanted)).json()["upload_url"]
    await caller.http.put(file, content=bytes(wanted["file_size"]))
    key = f"Authorization: Bearer {caller.key}\r\n"

    for path in (f"{PATH}/{job}?wait=1", "/v1/events", f"{PATH}/{job}/events", file, "/openapi.json", PATH):
        for range_ in ("", "Range: bytes=1-\r\n"):
            reader, writer = await begun(wire, get(path, key + range_))
            if "wait=" not in path:
                await reader.read(100)
            await gone(wire, writer)

    assert errors(caplog) == []


async def half_closed(wire: Wire, *parts: str, within: float = 5) -> list[int]:
    """What is answered to who has sent all that it ever will."""
    reader, writer = await wire.open()
    writer.write(in_bytes("".join(parts)))
    writer.write_eof()
    async with asyncio.timeout(within):
        answer = await reader.read()
    writer.close()
    return statuses_of(answer)


async def test_who_has_sent_the_last_request_and_says_so_is_answered(house: House, wire: Wire) -> None:
    caller = await house.caller()
    job = (await caller.submit())["id"]
    key = f"Authorization: Bearer {caller.key}\r\n"
    waits = get(f"{PATH}/{job}?wait=1", key)

    assert await half_closed(wire, NEXT) == [200]
    assert await half_closed(wire, NEXT, waits, NEXT * 40) == [200, 304] + [200] * 40
    assert await half_closed(wire, NEXT, "nonsense\r\n\r\n") == [200, 400]
    for end in ENDS.values():
        assert await half_closed(wire, f"POST {PATH} HTTP/1.1\r\n{HOST}{key}{JSON}" + end) in ([], [100]), end
    assert await half_closed(wire, "") == []


async def test_who_may_have_left_is_not_waited_for(house: House, wire: Wire) -> None:
    caller = await house.caller()
    job = (await caller.submit())["id"]

    # far less than the answer would take
    assert await half_closed(wire, get(f"{PATH}/{job}?wait=30", f"Authorization: Bearer {caller.key}\r\n")) == []
