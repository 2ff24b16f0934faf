"""What is repeated and what is not, against small servers that misbehave as told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from milepost.client import ApiError, Client, Unreachable
from milepost.client.records import Event
from milepost.client.stream import parse

Answer = Callable[[bytes], bytes | None]

JOB = {
    "id": "00000000-0000-7000-8000-000000000001",
    "kind": "execution",
    "phase": "queued",
    "status": "PENDING",
    "version": 1,
}


def answer(status: str, body: object, *headers: str) -> bytes:
    content = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


@asynccontextmanager
async def serving(*answers: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Gives one answer per request, in order; None hangs up without a word. The requests come back as they were."""
    left, seen = list(answers), list[bytes]()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length:")), 0)
        seen.append(head + await reader.readexactly(length))
        if (content := left.pop(0)) is not None:
            writer.write(content)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


def key_of(request: bytes) -> str:
    return next(line for line in request.decode().splitlines() if line.lower().startswith("idempotency-key"))


async def test_a_submit_whose_answer_was_lost_is_repeated_with_its_key():
    async with serving(None, answer("202 Accepted", JOB)) as (url, seen), Client(url, "sk_x") as client:
        job = await client.submit("executions", prompt="x")

    assert str(job.id) == JOB["id"]
    assert key_of(seen[0]) == key_of(seen[1])


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_a_busy_server_is_asked_again_when_it_said(status: str):
    busy = answer(status, {"type": "/problems/unavailable"}, "Retry-After: 1")
    async with serving(busy, answer("200 OK", JOB)) as (url, seen), Client(url, "sk_x") as client:
        began = asyncio.get_running_loop().time()
        await client.get(JOB["id"])

    assert asyncio.get_running_loop().time() - began >= 1
    assert len(seen) == 2


async def test_a_retry_that_may_have_happened_is_not_repeated():
    async with serving(None) as (url, seen), Client(url, "sk_x") as client:
        with pytest.raises(Unreachable):
            await client.retry(JOB["id"])

    assert len(seen) == 1


async def test_a_refusal_is_not_repeated_and_is_told_in_the_servers_words():
    refusal = answer(
        "422 Unprocessable Content",
        {
            "type": "/problems/out-of-range",
            "title": "Out of range",
            "errors": [{"pointer": "/priority", "detail": "too high"}],
        },
    )
    async with serving(refusal) as (url, seen), Client(url, "sk_x") as client:
        with pytest.raises(ApiError) as refused:
            await client.submit("executions", prompt="x", priority=1000)

    assert (refused.value.slug, refused.value.hint, len(seen)) == ("out-of-range", "/priority: too high", 1)


async def test_an_answer_that_is_no_problem_document_is_still_an_error():
    page = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops"
    async with serving(page) as (url, _), Client(url, "sk_x") as client:
        with pytest.raises(ApiError) as refused:
            await client.summary()

    assert (refused.value.status, refused.value.slug) == (502, "unknown")


def stream(*events: str) -> bytes:
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return (head + "".join(f"{event}\n\n" for event in events)).encode()


async def test_a_cut_stream_is_resumed_after_the_last_row_that_arrived():
    first = stream(
        'event: snapshot\ndata: {"jobs": []}', 'event: transition\nid: 41\ndata: {"phase": "running", "version": 2}'
    )
    second = stream('event: transition\nid: 42\ndata: {"phase": "succeeded", "version": 3}')
    async with serving(first, second) as (url, seen), Client(url, "sk_x") as client:
        events = [event async for event in client.watch(JOB["id"])]

    assert [event.id for event in events] == [None, "41", "42"]
    assert b"last-event-id: 41" in seen[1].lower()


async def test_events_are_read_as_the_standard_says():
    async def lines() -> AsyncIterator[str]:
        for line in (
            ": a comment",
            "retry: 1000",
            "",
            "event: a",
            'data: {"x":',
            "data: 1}",
            "id: 7",
            "",
            'data:{"y": 2}',
            "",
        ):
            yield line

    found = [event async for event in parse(lines())]

    assert found == [Event(name="a", data={"x": 1}, id="7"), Event(name="message", data={"y": 2})]


async def test_every_part_of_a_long_list_has_a_key_of_its_own_that_fits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("milepost.client.client.BATCH", 1)
    made = answer("202 Accepted", {"ids": [JOB["id"]], "count": 1})
    longest = "k" * 255

    async with serving(*[made] * 5) as (url, seen), Client(url, "sk_x") as client:
        await client.submit_many("executions", [{"prompt": "a"}] * 3, idempotency_key=longest)
        await client.submit_many("executions", [{"prompt": "a"}] * 2, idempotency_key="k")

    keys = [key_of(request).split(": ", 1)[1] for request in seen]
    assert (keys[0], keys[3]) == (longest, "k")
    assert len(set(keys)) == 5, "not even those of two lists meet"
    assert "k-1" not in keys, "a caller may use such a key for something else"
    assert all(len(key) <= 255 for key in keys)
