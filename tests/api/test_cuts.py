"""A stream of bytes is read alike however it is cut: no bound and no refusal hangs on what arrives together."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState

from milepost.api.connections import Connection, configured
from tests.api.test_connections import NO_REQUESTS
from tests.wire_fixtures import CHUNKED, NEXT, Transport, chunk, get, in_bytes, post

UPGRADE = "Connection: Upgrade\r\nUpgrade: h2c\r\n"
REQUESTS = [
    NEXT,
    "\r\n" + NEXT,
    get("http://other.test/x", "X-A: \t b \t\r\n"),
    get("/healthz", version="1.0"),
    get("/healthz", version="1.2"),
    post("k", "Content-Length: 3\r\n", "abc"),
    post("k", "Content-Length: 0\r\n"),
    post("k", "Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"),
    post("k", CHUNKED, chunk("abc") + chunk("d" * 300, ";a=b") + "0\r\nX-A: y\r\nHost: b\r\n\r\n"),
    post("k", CHUNKED, "0\r\n\r\n"),
    get("/x", UPGRADE),
    post("k", f"{UPGRADE}Content-Length: 3\r\n", "abc"),
    post("k", UPGRADE + CHUNKED, chunk("abc") + "0\r\nX-A: y\r\n\r\n"),
    post("k", UPGRADE + CHUNKED + "Content-Length: 3\r\n", "abc"),
    post("k", UPGRADE + "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
]
# told from garbage by a line that has come in one piece
ROUGHLY = {b"501": b"400", b"505": b"400"}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = [scope[name] for name in ("method", "path", "query_string", "http_version", "headers")]
    answer = repr((*told, body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})


CONFIG = configured(echo, lifespan="off")
CONFIG.load()


async def answered(pieces: list[bytes]) -> list[tuple[bytes, bytes]]:
    """The statuses of all answers, and what the application told of each request."""
    connection, transport = Connection(CONFIG, ServerState(), {}), Transport()
    connection.connection_made(transport)
    for piece in pieces:
        if not transport.closed:
            connection.data_received(piece)
        await asyncio.sleep(0)
    for _ in range(50):  # more than all turns that the requests need
        await asyncio.sleep(0)
    connection.connection_lost(None)
    await asyncio.gather(*connection.tasks)
    connection._unset_keepalive_if_required()
    return [told(answer) for answer in transport.written.split(b"HTTP/1.1 ")[1:]]


def told(answer: bytes) -> tuple[bytes, bytes]:
    status, body = answer[:3], answer.partition(b"\r\n\r\n")[2]
    return ROUGHLY.get(status, status), body if status == b"200" else b""


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(REQUESTS), max_size=3),
    st.sampled_from(["", *NO_REQUESTS.values()]),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from("\r\n\0 :;/aA0\xff\t,"), st.booleans()), max_size=2),
    st.lists(st.integers(0, 2000), max_size=12),
)
@example(["\r\n" + NEXT], "", [], [1])
def test_the_same_bytes_are_answered_alike_however_they_are_cut(
    requests: list[str], last: str | bytes, faults: list[tuple[int, str, bool]], cuts: list[int]
) -> None:
    stream = bytearray(b"".join(map(in_bytes, [*requests, last])))
    for place, fault, instead in faults:
        stream[place : place + instead] = in_bytes(fault)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})

    whole = asyncio.run(answered([bytes(stream)]))
    cut = asyncio.run(answered([bytes(stream[start:end]) for start, end in pairwise(places)]))

    assert cut == whole
