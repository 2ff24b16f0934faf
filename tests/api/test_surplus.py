"""What stands behind a head and is no body: it is bounded, it is no progress, and it is nobody's header."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

import pytest

from milepost.api.connections import BODY_SECONDS, SLOWEST
from milepost.api.framing import MOST_SURPLUS, free_of
from milepost.api.incoming import MOST_WAITING, PIECE
from tests.api_fixtures import House
from tests.wire_fixtures import (
    CHUNKED,
    GOOD,
    HOST,
    NEXT,
    PATH,
    Wire,
    begun,
    chunk,
    get,
    post,
    problem_of,
    sent,
    status_of,
    statuses_of,
)

LAST = "0\r\n"
CLOSE = "Connection: close\r\n"
# so many that a bound which only looks now and then is passed
MANY = MOST_SURPLUS + PIECE


def fields(size: int) -> str:
    """Trailers of so many bytes."""
    line = f"X-Trailer: {'a' * 50}\r\n"
    return line * (size // len(line) + 1)


ENDLESS = {
    "trailers": chunk(GOOD) + LAST + fields(MANY),
    "a trailer's value": chunk(GOOD) + LAST + "X-A: " + "a" * MANY,
    "a trailer's name": chunk(GOOD) + LAST + "X" * MANY,
    "an extension": f"{len(GOOD):x};a={'b' * MANY}",
    "an extension in quotes": f'{len(GOOD):x};a="{"b" * MANY}',
    "extensions": f"{len(GOOD):x}{';a=b' * (MANY // 4)}",
    "an extension of the last chunk": chunk(GOOD) + "0;" + "a" * MANY,
    "zeros before a size": "0" * MANY,
    "small extensions of many chunks": "".join(chunk(" ", ";a=" + "b" * 50) for _ in range(MANY // 50)),
    "tiny chunks": chunk(" ") * MANY,
}


@pytest.mark.parametrize("endless", ENDLESS)
async def test_what_is_no_body_is_refused_before_it_is_kept(house: House, wire: Wire, owner: Any, endless: str) -> None:
    caller = await house.caller()

    answer = await wire.send(post(caller.key, CHUNKED) + ENDLESS[endless])

    assert status_of(answer) == 431
    assert problem_of(answer)["detail"] == "The lines of chunks and the trailers may have 16384 bytes in all."
    assert await owner.fetchval("SELECT count(*) FROM executions") == 0


async def test_it_is_refused_behind_the_answers_to_requests_before_it_and_without_a_key(wire: Wire) -> None:
    for text in ENDLESS.values():
        # the head is answered before the rest is there, and by nothing more
        assert statuses_of(await wire.send(NEXT + post("k", CHUNKED), text, pause=0.1))[:2] == [200, 401]
        assert statuses_of(await wire.send(NEXT + NEXT + post("k", CHUNKED) + text)) == [200, 200, 431]


async def test_as_much_of_it_as_anybody_needs_is_taken(house: House, wire: Wire) -> None:
    caller = await house.caller()
    half = MOST_SURPLUS // 2
    bodies = {
        "trailers": chunk(GOOD) + LAST + fields(half) + "\r\n",
        "an extension": chunk(GOOD, ";a=" + "b" * half) + LAST + "\r\n",
        "one byte a chunk": "".join(chunk(letter) for letter in GOOD) + LAST + "\r\n",
        "five bytes a chunk": chunk("     ") * 20_000 + chunk(GOOD) + LAST + "\r\n",
        "a kilobyte a chunk": chunk(" " * 1024) * 3_000 + chunk(GOOD) + LAST + "\r\n",
    }
    for name, body in bodies.items():
        answer = await wire.send(post(caller.key, CHUNKED + CLOSE, body))
        assert status_of(answer) == 202, (name, answer)


@pytest.mark.parametrize("size", [5, 255, 256, 4096, 64 * 1024, 2**32])
def test_a_long_upload_in_chunks_is_never_too_much_around_it(size: int) -> None:
    assert free_of(size) == len(f"{size:x}\r\n\r\n")


async def test_others_are_served_while_somebody_sends_without_end(wire: Wire) -> None:
    async def flood() -> None:
        _, writer = await wire.open()
        writer.write(post("k", CHUNKED).encode() + LAST.encode() + b"X-A: ")
        with closing(writer):
            await sending(writer, [b"a" * 64 * 1024] * 2_000)

    floods = [asyncio.create_task(flood()) for _ in range(4)]
    others = [await wire.send(get("/healthz", CLOSE), within=2) for _ in range(20)]
    ends = await asyncio.gather(*floods, return_exceptions=True)

    assert {status_of(other) for other in others} == {200}
    # cut off long before they were through
    assert all(isinstance(end, ConnectionError) for end in ends), ends


@pytest.mark.parametrize("line", ["X-A: b\r\n", f"{len(GOOD):x};a=b"], ids=["trailers", "an extension"])
async def test_what_is_no_body_is_no_progress(house: House, line: str) -> None:
    async with begun(house, framed=CHUNKED) as (connection, transport):
        connection.data_received((LAST if line.endswith("\n") else "").encode() + line.encode())

        sent(connection, *[b"a" * 900] * int(BODY_SECONDS))
        assert not transport.closed
        sent(connection, *[b"a" * 900] * 2)

        assert transport.closed
        assert status_of(transport.written) == 408


async def test_a_body_in_chunks_at_a_fair_pace_may_take_its_time(house: House) -> None:
    async with begun(house, framed=CHUNKED) as (connection, transport):
        sent(connection, *[chunk(" " * SLOWEST).encode()] * 40)

        assert not transport.closed


OTHERS = {
    "Authorization": "Authorization: Bearer {key}\r\n",
    "Content-Type": "Content-Type: application/json\r\n",
    "Idempotency-Key": "Idempotency-Key: k\r\n",
}


@pytest.mark.parametrize("missing", OTHERS)
async def test_a_trailer_is_no_header(house: House, wire: Wire, owner: Any, missing: str) -> None:
    caller = await house.caller()
    lines = {name: line.format(key=caller.key) for name, line in OTHERS.items()}
    trailer = lines.pop(missing)
    head = f"POST {PATH} HTTP/1.1\r\n{HOST}{''.join(lines.values())}{CHUNKED}\r\n"

    # in one go, so that the trailer is there before the application looks
    answer = await wire.send(head + chunk(GOOD) + LAST + trailer + "\r\n" + get("/healthz", CLOSE))

    expected = {"Authorization": 401, "Content-Type": 415, "Idempotency-Key": 202}
    assert statuses_of(answer) == [expected[missing], 200]
    assert await owner.fetchval("SELECT count(*) FROM executions WHERE idempotency_key IS NOT NULL") == 0


async def test_a_trailer_is_no_header_of_the_request_behind_it(house: House, wire: Wire) -> None:
    caller = await house.caller()
    trailer = f"Authorization: Bearer {caller.key}\r\n\r\n"

    answer = await wire.send(post("k", CHUNKED, chunk(GOOD) + LAST + trailer) + get(PATH, CLOSE))

    assert statuses_of(answer) == [401, 401]


async def test_a_trailer_that_ends_the_connection_leaves_nobody_waiting(house: House, wire: Wire) -> None:
    caller = await house.caller()

    answer = await wire.send(post(caller.key, CHUNKED, chunk(GOOD) + LAST + CLOSE + "\r\n") + NEXT, within=3)

    assert statuses_of(answer) == [202]


async def test_blank_lines_between_requests_are_nothing_and_keep_no_connection_open(wire: Wire) -> None:
    for blank in ("\r\n", "\n", "\r\n" * 1_000):
        assert statuses_of(await wire.send(NEXT, blank + get("/healthz", CLOSE))) == [200, 200]

    reader, writer = await wire.open()
    writer.write(NEXT.encode())
    await reader.readuntil(b"}")
    (connection,) = wire.server.server_state.connections
    kept: Any = connection
    timer = kept.timeout_keep_alive_task
    writer.write(b"\r\n" * 10)
    await writer.drain()
    await asyncio.sleep(0.1)
    assert kept.timeout_keep_alive_task is timer
    assert not timer.cancelled()
    writer.close()


async def test_blank_lines_without_end_end_the_connection(wire: Wire) -> None:
    # within less than the server waits for the next request
    with pytest.raises(ConnectionError):
        await wire.send(NEXT, *["\r\n" * 1024] * 1_000, within=4)


async def test_requests_that_are_sent_long_before_their_turn_are_not_kept(house: House, wire: Wire) -> None:
    caller = await house.caller()
    job = await caller.submit()
    waits = get(f"{PATH}/{job['id']}?wait=1", f"Authorization: Bearer {caller.key}\r\n")
    reader, writer = await wire.open()

    writer.write((waits + NEXT * 20_000 + get("/healthz", CLOSE)).encode())
    await asyncio.sleep(0.3)
    (connection,) = wire.server.server_state.connections
    waiting: Any = connection

    assert len(waiting.pipeline) == MOST_WAITING
    assert statuses_of(await reader.read()) == [304] + [200] * 20_001
    writer.close()


@pytest.mark.parametrize("framed", ["Content-Length: 1000000000\r\n", CHUNKED])
async def test_a_body_that_nobody_wants_is_not_listened_to_for_ever(wire: Wire, framed: str) -> None:
    piece = (chunk(" " * 64 * 1024) if framed == CHUNKED else " " * 64 * 1024).encode()
    reader, writer = await wire.open()
    writer.write(post("k", framed).encode())
    async with asyncio.timeout(5):
        assert b" 401 " in await reader.readline()

    with closing(writer), pytest.raises(ConnectionError):
        await sending(writer, [piece] * 1_000)


async def sending(writer: asyncio.StreamWriter, pieces: list[bytes]) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()


async def test_a_body_that_is_too_large_is_refused_so_that_its_sender_reads_it(house: House, wire: Wire) -> None:
    caller = await house.caller()
    reader, writer = await wire.open()
    writer.write(post(caller.key, CHUNKED).encode())
    # far more than fits between here and there: it is on its way when the answer is
    for _ in range(160):
        writer.write(chunk(" " * 64 * 1024).encode())
        await asyncio.sleep(0)

    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()

    assert status_of(answer) == 413
    assert problem_of(answer)["type"] == "/problems/payload-too-large"
