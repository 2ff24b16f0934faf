"""Bytes on the wire that are no request, or never become one: each is answered or cut off, and others are served."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from milepost.api import connections
from milepost.api.app import create_app
from milepost.api.connections import SAVED_SECONDS, SLOWEST, UNREAD_SECONDS, Connection
from milepost.api.dependencies import REFUSALS_AT_ONCE, Limits
from milepost.domain.api_key import make_key
from tests.api_fixtures import Caller, House
from tests.wire_fixtures import (
    HOST,
    NEXT,
    PATH,
    Transport,
    Wire,
    begun,
    get,
    in_bytes,
    post,
    problem_of,
    sent,
    served,
    status_of,
    statuses_of,
)

PIECE = 64 * 1024
BODY = '{"prompt":"a"}'
NO_REQUESTS = {
    "two lengths": post("k", "Content-Length: 14\r\nContent-Length: 5\r\n", BODY),
    "two equal lengths": post("k", "Content-Length: 14\r\nContent-Length: 14\r\n", BODY),
    "a list of lengths": post("k", "Content-Length: 14, 14\r\n", BODY),
    "a length and chunks": post("k", "Content-Length: 14\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "chunks and a length": post("k", "Transfer-Encoding: chunked\r\nContent-Length: 14\r\n", "0\r\n\r\n"),
    "an unknown coding": post("k", "Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"),
    "a coding before the chunks": post("k", "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
    "a coding and chunks on a line each": post(
        "k", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"
    ),
    "chunks in chunks": post("k", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
    "chunks in HTTP/1.0": post("k", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n").replace("/1.1", "/1.0"),
    "no coding at all": post("k", "Transfer-Encoding: identity\r\n", "0\r\n\r\n"),
    "two types": post("k", "Content-Type: text/plain\r\nContent-Length: 14\r\n", BODY),
    "a negative length": post("k", "Content-Length: -1\r\n"),
    "a length with a sign": post("k", "Content-Length: +14\r\n", BODY),
    "a length beyond all numbers": post("k", f"Content-Length: {'9' * 30}\r\n"),
    "a folded header": f"GET {PATH} HTTP/1.1\r\n{HOST}X-A: b\r\n c\r\n\r\n",
    "a blank before the colon": f"GET {PATH} HTTP/1.1\r\n{HOST}X-A : b\r\n\r\n",
    "a header without a colon": f"GET {PATH} HTTP/1.1\r\n{HOST}X-A\r\n\r\n",
    "a NUL in a value": f"GET {PATH} HTTP/1.1\r\n{HOST}X-A: b\x00c\r\n\r\n",
    "a bare CR in a value": f"GET {PATH} HTTP/1.1\r\n{HOST}X-A: b\rX-B: c\r\n\r\n",
    "a NUL in the path": f"GET {PATH}\x00 HTTP/1.1\r\n{HOST}\r\n",
    "a byte beyond ASCII in the path": f"GET {PATH}\xff HTTP/1.1\r\n{HOST}\r\n",
    "a tunnel": f"CONNECT a:1 HTTP/1.1\r\n{HOST}\r\n",
    "a bracket that nothing closes": f"GET http://[ HTTP/1.1\r\n{HOST}\r\n",
    "a target without a host": f"GET http:///x HTTP/1.1\r\n{HOST}\r\n",
    "a target with a port beyond all": f"GET http://a:99999/ HTTP/1.1\r\n{HOST}\r\n",
    "no HTTP": "hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "HTTP/2 without its handshake": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "all of the server for GET": get("*"),
    "a target that is no path": get("healthz"),
    "a fragment": get("/healthz#x"),
    "a user in a target": get("http://somebody@milepost.test/healthz"),
    "a target of another scheme": get("ftp://milepost.test/healthz"),
    "a blank in a target": get("/health z"),
    "a control character in a target": get("/healthz?a=\x01"),
    "a tab for a blank": f"GET\t/healthz\tHTTP/1.1\r\n{HOST}\r\n",
    "no version": "GET /healthz\r\n\r\n",
    "half a version": get("/healthz", version="1"),
    "a version of three figures": get("/healthz", version="1.10"),
    "HTTP in lower case": f"GET /healthz http/1.1\r\n{HOST}\r\n",
    "line feeds alone": get("/healthz").replace("\r\n", "\n"),
    "carriage returns alone": get("/healthz").replace("\r\n", "\r"),
    "a blank before the first header": f"GET /healthz HTTP/1.1\r\n X-A: b\r\n{HOST}\r\n",
    "a header without a name": get("/healthz", ": b\r\n"),
    "a name that is no token": get("/healthz", "X(A): b\r\n"),
    "a name beyond ASCII": get("/healthz", "X\xff: b\r\n"),
    "a control character in a value": get("/healthz", "X-A: b\x01c\r\n"),
    "a length of nothing": get("/healthz", "Content-Length:\r\n"),
    "a length in hex": get("/healthz", "Content-Length: 0x1\r\n") + "a",
    "a length of two words": get("/healthz", "Content-Length: 1 1\r\n") + "a",
    "a length with a comma": get("/healthz", "Content-Length: 1,\r\n") + "a",
    "a length in parts": get("/healthz", "Content-Length: 1.0\r\n") + "a",
    "a coding that begins otherwise": post("k", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
    "a coding in quotes": post("k", 'Transfer-Encoding: "chunked"\r\n', "0\r\n\r\n"),
    "a coding with a parameter": post("k", "Transfer-Encoding: chunked;a=b\r\n", "0\r\n\r\n"),
    "a coding behind a comma": post("k", "Transfer-Encoding: ,chunked\r\n", "0\r\n\r\n"),
    "a Host with a blank": get("/healthz").replace("milepost.test", "milepost .test"),
    "a Host with a path": get("/healthz").replace("milepost.test", "milepost.test/x"),
    "a Host that is a URL": get("/healthz").replace("milepost.test", "http://milepost.test"),
    "a Host with a user": get("/healthz").replace("milepost.test", "somebody@milepost.test"),
    "a Host with no number for a port": get("/healthz").replace("milepost.test", "milepost.test:x"),
    "a Host with a port beyond all": get("/healthz").replace("milepost.test", "milepost.test:65536"),
    "a Host beyond ASCII": get("/healthz").replace("milepost.test", "m\xfcller.test"),
    "a Host with a bracket": get("/healthz").replace("milepost.test", "[::1"),
    "two Hosts in HTTP/1.0": get("/healthz", HOST, version="1.0"),
    "no Host": f"GET {PATH} HTTP/1.1\r\n\r\n",
    "two Hosts": f"GET {PATH} HTTP/1.1\r\n{HOST}{HOST}\r\n",
}


async def test_what_two_parsers_could_read_in_two_ways_is_refused_and_the_connection_closed(wire: Wire) -> None:
    for name, request in NO_REQUESTS.items():
        answer = await wire.send(request)
        assert status_of(answer) == 400, (name, answer)
        assert problem_of(answer)["type"] == "/problems/bad-request", name
        assert answer.count(b"HTTP/1.1 ") == 1, name


async def test_what_never_becomes_a_request_is_answered_like_any_other(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    answered = await wire.send(f"GET /nothing HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")
    answer = await wire.send("hello\r\n\r\n")

    assert names_of(answer) == names_of(answered)
    assert set(problem_of(answer)) == set(problem_of(answered))
    # by the id of the answer it is found in the log
    request_id = problem_of(answer)["instance"]
    assert f"x-request-id: {request_id}\r\n".encode() in answer
    assert f"request {request_id} of 127.0.0.1 refused: bad-request" in caplog.text


def names_of(answer: bytes) -> set[bytes]:
    return {line.partition(b":")[0].lower() for line in answer.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]}


async def test_what_never_becomes_a_request_leaves_no_traceback(wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    for request in NO_REQUESTS.values():
        await wire.send(request)

    assert [record.getMessage() for record in caplog.records if record.exc_info or record.levelname == "ERROR"] == []


async def test_chunks_are_taken_however_they_are_spelled(house: House, wire: Wire) -> None:
    caller = await house.caller()
    asked = '{"prompt":"a","model":"offline/extract"}'
    body = f"{len(asked):x}\r\n{asked}\r\n0\r\n\r\n"

    for coding in ("chunked", "Chunked", " chunked "):
        answer = await wire.send(post(caller.key, f"Transfer-Encoding:{coding}\r\nConnection: close\r\n", body))
        assert status_of(answer) == 202, (coding, answer)


async def test_what_is_no_request_is_refused_after_the_answers_to_those_before_it(wire: Wire) -> None:
    for name, request in NO_REQUESTS.items():
        answer = await wire.send((NEXT + NEXT).encode() + in_bytes(request))
        assert statuses_of(answer) == [200, 200, 400], name


async def test_a_bad_chunk_behind_other_requests_is_refused_after_their_answers(house: House, wire: Wire) -> None:
    caller = await house.caller()

    answer = await wire.send(NEXT + NEXT + post(caller.key, "Transfer-Encoding: chunked\r\n", "zz\r\nabc"), NEXT)

    assert statuses_of(answer) == [200, 200, 400]


async def test_a_refusal_stands_behind_no_answer_that_ends_the_connection(wire: Wire) -> None:
    last = f"GET /nothing HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"

    answer = await wire.send(NEXT + last + "hello\r\n\r\n")

    assert statuses_of(answer) == [200, 404]


async def test_a_bad_chunk_is_refused_and_makes_no_job(house: House, wire: Wire, owner: Any) -> None:
    caller = await house.caller()
    for chunk in ("zz\r\nabc", "-1\r\n", "5\r\nabcdefgh\r\n0\r\n\r\n", "fffffffffffffffff\r\nabc"):
        answer = await wire.send(post(caller.key, "Transfer-Encoding: chunked\r\n", chunk))
        assert status_of(answer) == 400, (chunk, answer)
    assert await owner.fetchval("SELECT count(*) FROM executions") == 0


def in_pieces(text: str) -> list[str]:
    """So that all of it has been read when the answer comes: what has not would reset the connection."""
    return [text[start : start + 20_000] for start in range(0, len(text), 20_000)]


@pytest.mark.parametrize(
    "head",
    [
        "X-A: " + "b" * 80_000,
        "".join(f"X-{number}: {'b' * 50}\r\n" for number in range(1_300)),
        "X-" + "a" * 80_000,
    ],
    ids=["one long value", "many headers", "one long name"],
)
async def test_a_head_without_end_is_refused_before_it_is_kept(wire: Wire, head: str) -> None:
    answer = await wire.send(f"GET {PATH} HTTP/1.1\r\n{HOST}", *in_pieces(head), pause=0.05)

    assert status_of(answer) == 431
    assert problem_of(answer)["type"] == "/problems/headers-too-large"


async def test_a_path_without_end_is_refused(wire: Wire) -> None:
    answer = await wire.send(f"GET {PATH}?search=", *in_pieces("a" * 80_000), pause=0.05)

    assert status_of(answer) == 414
    assert problem_of(answer)["type"] == "/problems/uri-too-long"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 1.5)
    monkeypatch.setattr(connections, "BODY_SECONDS", 1.5)
    monkeypatch.setattr(connections, "SAVED_SECONDS", 0.0)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "parts",
    [
        [""],
        ["GET"],
        [f"GET {PATH} HTTP/1.1\r\n{HOST}", *(f"X-{number}: a\r\n" for number in range(40))],
        [post("k", "Content-Length: 100\r\n"), *("{" * 40)],
    ],
    ids=["nothing", "half a line", "a header now and then", "a byte now and then"],
)
async def test_who_takes_too_long_is_cut_off_while_others_are_served(
    house: House, wire: Wire, parts: list[str]
) -> None:
    caller = await house.caller()
    # with its own key: nobody is answered before the body is there
    parts = [part.replace("Bearer k", f"Bearer {caller.key}") for part in parts]

    slow = asyncio.create_task(wire.send(*parts, pause=0.1))
    others = [await wire.send(f"GET /healthz HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n") for _ in range(20)]
    try:
        answer = await slow
    except ConnectionError:  # it still wrote when it was cut off
        answer = b""

    assert answer == b"" or problem_of(answer)["type"] == "/problems/request-timeout"
    assert {status_of(other) for other in others} == {200}


@pytest_asyncio.fixture
async def uploading(house: House) -> AsyncIterator[tuple[Connection, Transport]]:
    async with begun(house, framed="Content-Length: 100000000\r\n") as (connection, transport):
        yield connection, transport


def blanks(*sizes: int) -> list[bytes]:
    return [b" " * size for size in sizes]


async def test_who_sends_a_body_at_a_fair_pace_may_take_his_time(uploading: tuple[Connection, Transport]) -> None:
    connection, transport = uploading

    sent(connection, *blanks(*[SLOWEST] * 40))
    sent(connection, *blanks(*[0, 0, 0, SLOWEST * 4] * 4))

    assert not transport.closed


async def test_a_body_that_comes_too_slowly_is_refused_however_it_trickles(
    uploading: tuple[Connection, Transport],
) -> None:
    connection, transport = uploading

    sent(connection, *blanks(*[SLOWEST // 4] * 15))
    assert not transport.closed
    sent(connection, *blanks(*[SLOWEST // 4] * 5))

    assert transport.closed
    assert status_of(transport.written) == 408


async def test_a_body_that_came_fast_may_stop_for_a_while_and_not_for_ever(
    uploading: tuple[Connection, Transport],
) -> None:
    connection, transport = uploading

    sent(connection, *blanks(60_000, *[0] * int(SAVED_SECONDS)))
    assert not transport.closed
    sent(connection, *blanks(*[0] * 15))

    assert transport.closed


@pytest.mark.usefixtures("hurried")
async def test_a_waiting_read_is_the_servers_turn_and_not_cut_off(house: House, wire: Wire) -> None:
    caller = await house.caller()
    job = await caller.submit()

    answer = await wire.send(
        f"GET {PATH}/{job['id']}?wait=4 HTTP/1.1\r\n{HOST}Authorization: Bearer {caller.key}\r\nConnection: close\r\n\r\n"
    )

    assert status_of(answer) == 304


async def asks_for(caller: Caller, wire: Wire, size: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client whose kernel keeps little of what is sent to it."""
    url = await _uploaded(caller, size)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
    client.setblocking(False)  # noqa: FBT003 - it has no name
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", wire.port))
    reader, writer = await asyncio.open_connection(sock=client, limit=PIECE)
    writer.write(f"GET {url} HTTP/1.1\r\n{HOST}Authorization: Bearer {caller.key}\r\n\r\n".encode())
    return reader, writer


async def test_who_takes_an_answer_slowly_gets_all_of_it(house: House, wire: Wire) -> None:
    size, taken, looks = 256 * PIECE, 0, 0
    reader, writer = await asks_for(await house.caller(), wire, size)
    connection = await wire.full()

    while taken < size:  # and the head before it
        taken += len(await reader.readexactly(PIECE))
        connection.look(4.0)
        looks += connection.flow.write_paused
        while not (connection.flow.write_paused or connection.cycle.response_complete):
            assert not connection.transport.is_closing(), "cut off"
            await asyncio.sleep(0.001)
    writer.close()

    # far longer than it may take nothing, and so for each of the large pieces in which a file is sent
    assert looks * 4 > 5 * UNREAD_SECONDS


async def test_who_does_not_take_an_answer_is_cut_off(house: House, wire: Wire) -> None:
    size = 256 * PIECE
    reader, writer = await asks_for(await house.caller(), wire, size)
    connection = await wire.full()

    while not connection.transport.is_closing():
        connection.look(UNREAD_SECONDS + 1)
        await asyncio.sleep(0.01)  # the kernel may still find room for some

    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(size)
    writer.close()


async def _uploaded(caller: Caller, size: int) -> str:
    job = await caller.submit()
    made = await caller.http.post(f"{PATH}/{job['id']}/artifacts", json={"file_name": "large.bin", "file_size": size})
    put = await caller.http.put(made.json()["upload_url"], content=bytes(size))
    assert put.status_code == 200, put.text
    return made.json()["upload_url"]


async def test_other_protocols_are_not_spoken(wire: Wire) -> None:
    upgrade = (
        "Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n"
    )

    answer = await wire.send(f"GET {PATH} HTTP/1.1\r\n{HOST}{upgrade}\r\n")

    assert status_of(answer) == 401


async def test_an_answer_says_nothing_of_the_server_and_forbids_what_an_api_does_not_need(wire: Wire) -> None:
    answer = await wire.send(f"GET {PATH} HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n")
    head = answer.partition(b"\r\n\r\n")[0].decode().lower()

    assert "\r\nserver:" not in head
    assert "x-powered-by" not in head
    assert "access-control-" not in head
    for line in (
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "content-security-policy: default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    ):
        assert head.count(line) == 1, line
    assert "strict-transport-security" not in head


FORWARDED = "X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.9\r\n"


async def test_behind_a_proxy_with_https_browsers_are_told_to_stay_there(house: House) -> None:
    async with served(house.app, trusted_proxies="127.0.0.1") as wire:
        answer = await wire.send(f"GET /healthz HTTP/1.1\r\n{HOST}{FORWARDED}Connection: close\r\n\r\n")

    assert re.search(rb"strict-transport-security: max-age=\d{8,}; includesubdomains\r\n", answer.lower())


async def test_who_is_no_proxy_of_ours_is_not_believed_even_on_this_machine(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # the HTTP server's, and no setting of ours

    async with served(house.app) as wire:
        answer = await wire.send(f"GET /healthz HTTP/1.1\r\n{HOST}{FORWARDED}Connection: close\r\n\r\n")

    assert status_of(answer) == 200
    assert b"strict-transport-security" not in answer.lower()


@pytest.mark.parametrize(("trusted", "last"), [("", 429), ("192.0.2.1", 429), ("127.0.0.1", 401)])
async def test_who_tries_keys_is_stopped_by_the_address_he_has_and_not_by_those_he_names(
    house: House, trusted: str, last: int
) -> None:
    app = create_app(replace(house.deps, limits=Limits(refusals_per_minute=0.01)))
    tries = [
        f"GET {PATH} HTTP/1.1\r\n{HOST}X-Forwarded-For: 192.0.2.{number}\r\n"
        f"Authorization: Bearer {make_key(number.to_bytes(32)).text}\r\n"
        for number in range(1, REFUSALS_AT_ONCE + 2)
    ]
    tries = ["".join(f"{one}\r\n" for one in tries[:-1]), f"{tries[-1]}Connection: close\r\n\r\n"]

    async with served(app, trusted_proxies=trusted) as wire:
        answers = statuses_of(await wire.send(*tries))

    assert answers == [401] * REFUSALS_AT_ONCE + [last]


async def test_two_requests_at_once_on_one_connection_are_answered_in_order(wire: Wire) -> None:
    answer = await wire.send(
        f"GET /healthz HTTP/1.1\r\n{HOST}\r\nGET /nothing HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n"
    )

    assert statuses_of(answer) == [200, 404]
