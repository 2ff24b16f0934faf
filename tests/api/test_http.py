"""What RFC 9110 and 9112 ask of an origin server, on the wire: versions, methods, targets, expectations, upgrades."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import StreamingResponse
from starlette.routing import Route

from tests.api_fixtures import House
from tests.wire_fixtures import (
    CHUNKED,
    GOOD,
    HOST,
    NEXT,
    PATH,
    Wire,
    chunk,
    get,
    in_bytes,
    post,
    problem_of,
    served,
    status_of,
    statuses_of,
)

CLOSE = "Connection: close\r\n"
HEALTH = get("/healthz", CLOSE)


@pytest.mark.parametrize("version", ["2.0", "3.0", "0.9", "9.9"])
async def test_another_major_version_is_said_not_to_be_spoken(wire: Wire, version: str) -> None:
    answer = await wire.send(NEXT + get("/healthz", version=version))

    assert statuses_of(answer) == [200, 505]
    assert b"/problems/version-not-supported" in answer


async def test_a_higher_minor_version_is_answered_as_the_highest_that_is_known(wire: Wire) -> None:
    assert statuses_of(await wire.send(get("/healthz", version="1.2") + HEALTH)) == [200, 200]
    # a Host is asked for as in 1.1
    assert statuses_of(await wire.send("GET /healthz HTTP/1.9\r\n\r\n")) == [400]


@pytest.mark.parametrize("method", ["NONSENSE", "get", "M!#$%&'*+-.^_`|~9"])
async def test_a_method_that_nobody_knows_is_not_implemented(wire: Wire, method: str) -> None:
    answer = await wire.send(NEXT + HEALTH.replace("GET", method))

    assert statuses_of(answer) == [200, 501]
    assert b"/problems/not-implemented" in answer


async def test_a_method_that_others_know_is_not_allowed(wire: Wire) -> None:
    for method in ("TRACE", "PROPFIND", "OPTIONS", "QUERY", "PATCH"):
        answer = await wire.send(HEALTH.replace("GET", method))
        assert status_of(answer) == 405, method
        assert b"allow: GET, HEAD\r\n" in answer.lower().replace(b"get, head", b"GET, HEAD"), method


TARGETS = {
    "http://milepost.test/healthz": 200,
    "HTTP://other.test:8000/healthz?": 200,
    "https://[::1]:443/healthz": 200,
    "http://other.test": 404,
    "http://other.test?x=1": 404,
    "//healthz": 404,
    "/%68ealthz": 200,
    "/healthz%00": 404,
    "/healthz%ff": 404,
    "/healthz%0d%0aX-A:b": 404,
    "/healthz%zz": 404,
    '/healthz?a="<>\\^`{|}': 200,
    "http:///healthz": 400,
    "http://:80/healthz": 400,
    "http://[::1/healthz": 400,
    "http://other.test:65536/healthz": 400,
    "http://a b/healthz": 400,
}  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
async def test_a_target_may_be_a_path_or_a_whole_url(wire: Wire, target: str) -> None:
    assert status_of(await wire.send(HEALTH.replace("/healthz", target, 1))) == TARGETS[target]


async def test_the_host_of_a_whole_url_counts_and_the_header_does_not(house: House) -> None:
    async def told(request: Any) -> Any:
        return StreamingResponse(iter([request.headers["host"]]))

    house.app.router.routes.append(Route("/told", told))
    async with served(house.app) as wire:
        answer = await wire.send(get("http://other.test:81/told", CLOSE))

    assert answer.endswith(b"\r\n\r\nd\r\nother.test:81\r\n0\r\n\r\n")


async def test_a_target_of_16_kib_is_read_and_a_longer_one_is_too_long(wire: Wire) -> None:
    assert status_of(await wire.send(get("/healthz?" + "a" * 16_000, CLOSE))) == 200
    # it may come slowly, it may be complete
    for pieces in ([get("/healthz?" + "a" * 20_000)], ["GET /healthz?", "a" * 10_000, "a" * 10_000]):
        answer = await wire.send(*pieces, pause=0.05)
        assert (status_of(answer), problem_of(answer)["type"]) == (414, "/problems/uri-too-long")


async def test_the_server_itself_may_be_asked_for_its_methods(wire: Wire) -> None:
    for target in ("*", "http://milepost.test"):
        answer = await wire.send(get(target, CLOSE).replace("GET", "OPTIONS"))
        assert status_of(answer) == 204, target
        assert b"\r\nallow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT\r\n" in answer, target


HOSTS = ["", "milepost.test:8000", "milepost.test:", "127.0.0.1", "[::1]", "[::1]:8000", "a-b_c~d", "%6d.test"]


@pytest.mark.parametrize("host", HOSTS)
async def test_a_host_is_a_name_or_an_address_and_perhaps_a_port(wire: Wire, host: str) -> None:
    assert status_of(await wire.send(HEALTH.replace("milepost.test", host))) == 200


async def test_blanks_around_a_value_are_no_part_of_it(house: House, wire: Wire) -> None:
    caller = await house.caller()
    length = f"Content-Length:\t {len(GOOD)} \t\r\n"
    spaced = post(f"{caller.key} \t", "Idempotency-Key:\t k \t\r\n" + length, GOOD).replace("json\r\n", "json \t\r\n")
    plain = post(caller.key, f"Idempotency-Key: k\r\nContent-Length: {len(GOOD)}\r\n{CLOSE}", GOOD)

    answer = await wire.send(spaced.replace("milepost.test", "milepost.test \t") + plain)

    assert statuses_of(answer) == [202, 200]
    assert b"idempotency-replayed: true" in answer


SIZES = {
    "in upper case": "{:X}",
    "with zeros": "0000{:x}",
    "with an extension": "{:x};a",
    "with a value": "{:x};a=b",
    "with a value in quotes": '{:x};a="b;\\"c\r"'.replace("\r", ""),
}
NO_SIZES = {
    "a sign": "+{:x}", "minus": "-{:x}", "hex as in programs": "0x{:x}", "a blank before": " {:x}", "a blank behind": "{:x} ",
    "a tab behind": "{:x}\t", "a comma": "{:x},{:x}", "an underscore": "0_{:x}", "nothing": "", "an empty line": "\r\n{:x}",
    "a control character behind": "{:x};a=\x01", "a carriage return behind": "{:x};a\rb", "beyond all numbers": "f" * 17,
    "a digit of another script": "\xb2",
}  # fmt: skip


async def test_the_size_of_a_chunk_is_hex_and_nothing_else(house: House, wire: Wire, owner: Any) -> None:
    caller = await house.caller()
    for sizes, status in ((SIZES, 202), (NO_SIZES, 400)):
        for name, size in sizes.items():
            body = f"{size.format(len(GOOD), len(GOOD))}\r\n{GOOD}\r\n0\r\n\r\n"
            assert status_of(await wire.send(post(caller.key, CHUNKED + CLOSE, body))) == status, name
    assert await owner.fetchval("SELECT count(*) FROM executions") == len(SIZES)


@pytest.mark.parametrize("body", ["{size}\n{GOOD}\r\n0\r\n\r\n", "{size}\r\n{GOOD}\n0\r\n\r\n", "{size}\r\n{GOOD}0\r\n\r\n",
                                  "{size}\r\n{GOOD}\r\n-0\r\n\r\n", "{size}\r\n{GOOD}\r\n0\r\nnonsense\r\n\r\n",
                                  "{size}\r\n{GOOD}\r\n0\r\nX: y\r\n z\r\n\r\n",
                                  "{size}\r\n{GOOD}\r\n0\r\nContent-Length: 5\r\n\r\n"])  # fmt: skip
async def test_chunks_that_two_could_cut_in_two_ways_are_refused(
    house: House, wire: Wire, owner: Any, body: str
) -> None:
    caller = await house.caller()

    answer = await wire.send(post(caller.key, CHUNKED, body.format(size=f"{len(GOOD):x}", GOOD=GOOD)))

    assert statuses_of(answer) == [400]
    assert await owner.fetchval("SELECT count(*) FROM executions") == 0


UPGRADE = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"


async def test_a_wish_for_another_protocol_is_ignored_and_the_request_is_answered(house: House, wire: Wire) -> None:
    """Some clients ask for HTTP/2 with every request, bodies and all."""
    caller = await house.caller()
    whole = post(caller.key, f"{UPGRADE}Content-Length: {len(GOOD)}\r\n", GOOD)
    chunks = post(caller.key, UPGRADE + CHUNKED, chunk(GOOD[:9]) + chunk(GOOD[9:]) + "0\r\nX: y\r\n\r\n")
    requests = get("/healthz", UPGRADE) + whole + chunks + HEALTH

    assert statuses_of(await wire.send(requests)) == [200, 202, 202, 200]
    # however it is cut
    pieces = [requests[start : start + 7] for start in range(0, len(requests), 7)]
    assert statuses_of(await wire.send(*pieces)) == [200, 202, 202, 200]


async def test_the_body_of_a_request_for_another_protocol_is_no_request(house: House, wire: Wire) -> None:
    caller = await house.caller()
    hidden = f"DELETE {PATH} HTTP/1.1\r\n{HOST}\r\n"

    answer = await wire.send(
        post(caller.key, f"{UPGRADE}Content-Length: {len(hidden)}\r\n"), hidden, HEALTH, pause=0.05
    )

    assert statuses_of(answer) == [400, 200]
    assert b"/problems/invalid-json" in answer


async def test_a_request_for_another_protocol_says_where_its_body_ends_like_any_other(
    house: House, wire: Wire, owner: Any
) -> None:
    caller = await house.caller()
    for framed in (
        "Transfer-Encoding: gzip, chunked\r\n",
        f"{CHUNKED}Content-Length: 5\r\n",
        "Transfer-Encoding: x\r\n",
    ):
        answer = await wire.send(post(caller.key, UPGRADE + framed, chunk(GOOD) + "0\r\n\r\n"))
        assert statuses_of(answer) == [400], framed
    assert await owner.fetchval("SELECT count(*) FROM executions") == 0


async def test_a_blank_line_may_come_before_everything_else(wire: Wire) -> None:
    assert statuses_of(await wire.send("\r\n", HEALTH, pause=0.05)) == [200]


async def test_a_request_for_another_protocol_has_the_bounds_of_any_other(house: House, wire: Wire) -> None:
    caller = await house.caller()

    answer = await wire.send(post(caller.key, UPGRADE + CHUNKED, f"{len(GOOD):x};" + "a" * 20_000))

    assert statuses_of(answer) == [431]


EXPECTS = "Expect: 100-continue\r\n"


async def test_who_waits_to_be_told_to_go_on_is_told_when_the_body_is_wanted(house: House, wire: Wire) -> None:
    caller = await house.caller()
    reader, writer = await wire.open()
    writer.write(in_bytes(post(caller.key, f"{EXPECTS}{CLOSE}Content-Length: {len(GOOD)}\r\n")))

    async with asyncio.timeout(5):
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(GOOD.encode())
        rest = await reader.read()
    writer.close()

    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert status_of(rest) == 202


async def test_who_was_not_told_to_go_on_cannot_have_the_next_request_taken_for_the_body(wire: Wire) -> None:
    refused = post("k", f"{EXPECTS}Content-Length: {len(HEALTH)}\r\n")

    answer = await wire.send(refused, HEALTH, pause=0.1)

    assert statuses_of(answer) == [401]
    assert b"connection: close" in answer
    # where the body came with the head nobody waits, and the connection stays
    assert statuses_of(await wire.send(refused + HEALTH + HEALTH)) == [401, 200]


async def test_http_1_0_is_told_nothing_in_between(house: House, wire: Wire) -> None:
    caller = await house.caller()
    asked = post(caller.key, f"{EXPECTS}Content-Length: {len(GOOD)}\r\n").replace("HTTP/1.1", "HTTP/1.0")

    assert statuses_of(await wire.send(asked, GOOD, pause=0.1)) == [202]


async def test_http_1_0_gets_no_chunks_and_every_answer_ends_with_the_connection(house: House) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two"

    async def streamed(_: Any) -> Any:
        return StreamingResponse(parts())

    house.app.router.routes.append(Route("/streamed", streamed))
    caller = await house.caller()
    async with served(house.app) as wire:
        old = await wire.send(get("/streamed", "Connection: keep-alive\r\n", version="1.0"))
        sized = await wire.send(get("/healthz", version="1.0"))
        head = await wire.send(get("/streamed", version="1.0").replace("GET", "HEAD"))
        events = await wire.open()
        events[1].write(in_bytes(get("/v1/events", f"Authorization: Bearer {caller.key}\r\n", version="1.0")))
        async with asyncio.timeout(5):
            began = await events[0].readuntil(b"retry: 1000\n\n")
        events[1].close()

    assert old.endswith(b"\r\n\r\none two")
    assert b"connection: close" in old
    for answer in (old, sized, head, began):
        assert status_of(answer) == 200
        assert b"transfer-encoding" not in answer.lower()
    assert head.endswith(b"\r\n\r\n")
