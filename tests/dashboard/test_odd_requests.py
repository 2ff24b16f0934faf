"""What no browser sends to the pages: it is answered, by no page that says that something went wrong, and never repeated in a header."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from milepost.dashboard.signing import BEFORE
from tests.api_fixtures import House
from tests.dashboard.conftest import Browser, SignIn
from tests.wire_fixtures import HOST, get, in_bytes, served, status_of

FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
NOT_FOR_A_HEADER = [
    "日",
    "é",
    "\u202e",
    "\x01",
    "\x00",
    "\r\nSet-Cookie: a=b",
    "\n",
    "\t",
    "\x7f",
    "\x85",
    " ",
    "\\",
    "\u2028",
]


@pytest.mark.parametrize("odd", NOT_FOR_A_HEADER)
async def test_what_no_header_may_hold_is_no_place_to_go_to(dashboard: House, odd: str) -> None:
    caller = await dashboard.caller()
    for place in (f"/?{odd}", f"/jobs?search=a{odd}b", f"/{odd}", f"/jobs/{odd}"):
        answer = await Browser(dashboard.client(), caller).send("/sign-in", "/sign-in", key=caller.key, next=place)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), place


async def test_a_place_that_a_browser_writes_is_gone_to(dashboard: House) -> None:
    caller = await dashboard.caller()
    for place in ("/jobs?search=%E6%97%A5%01&phase=failed", "/?a=[b]{c}|~", "/jobs"):
        answer = await Browser(dashboard.client(), caller).send("/sign-in", "/sign-in", key=caller.key, next=place)
        assert (answer.status_code, answer.headers["location"]) == (303, place)


async def test_a_page_with_an_odd_address_leads_to_the_door_by_a_header_that_can_be_sent(dashboard: House) -> None:
    async with served(dashboard.app) as wire:
        for odd in NOT_FOR_A_HEADER:
            for path in ("/jobs?search=", "/jobs/"):
                answer = await wire.send(get(path + quote(odd, safe=""), "Connection: close\r\n"))
                assert status_of(answer) == 303, (path, odd)
                assert b"\r\nlocation: /sign-in?next=%2Fjobs" in answer


@pytest.mark.parametrize("odd", ["é", "a b", '"a\\001b"', "a" * 4000, "a,b", "", "\t"])
async def test_a_cookie_that_is_none_of_ours_is_not_given_back(dashboard: House, odd: str) -> None:
    async with served(dashboard.app) as wire:
        answer = await wire.send(get("/sign-in", f"Cookie: {BEFORE}={odd}\r\nConnection: close\r\n"))

    assert status_of(answer) == 200
    (kept,) = [line for line in answer.split(b"\r\n") if line.startswith(b"set-cookie:")]
    assert len(kept.split(b"=", 1)[1].split(b";")[0]) == 43


@pytest.mark.parametrize("origin", ["http://[", "null", "", "é", "http://milepost.test:x", "//milepost.test/"])
async def test_an_origin_that_is_none_is_not_our_own(enter: SignIn, origin: str) -> None:
    browser = await enter()
    browser.http.headers["origin"] = origin.encode("latin-1").decode("latin-1")
    if origin == "//milepost.test/":
        browser.http.headers["host"] = "other.test"

    answer = await browser.send("/sign-out", "/")

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "after",
    [
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00Z",
        "2026-W01-1",
        "2026-01-01T00:00:00",
    ],
)
async def test_a_page_that_begins_at_no_time_is_no_page(enter: SignIn, after: str) -> None:
    browser = await enter()

    await browser.get(f"/jobs?after={quote(after)}_0197a2b4-0000-7000-8000-000000000001", status=422)


async def test_who_leaves_in_the_middle_of_a_form_is_no_error(
    dashboard: House, enter: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await enter()
    job = "0197a2b4-0000-7000-8000-000000000001"
    cookie = f"Cookie: milepost_session={browser.cookie}\r\n"
    async with served(dashboard.app) as wire:
        for path in ("/sign-in", "/sign-out", f"/jobs/{job}/cancel", f"/jobs/{job}/retry"):
            for framing, begun in (
                ("Content-Length: 100\r\n", "key=a"),
                ("Transfer-Encoding: chunked\r\n", "5\r\nkey=a\r\n"),
            ):
                head = f"POST {path} HTTP/1.1\r\n{HOST}{cookie}{FORM}{framing}\r\n"
                await _leave(wire, head + begun)

    assert [record.getMessage() for record in caplog.records if record.exc_info or record.levelname == "ERROR"] == []


async def _leave(wire: Any, part: str) -> None:
    """Closes while the application waits for more, and waits until it has noticed."""
    _, writer = await wire.open()
    writer.write(in_bytes(part))
    while not wire.server.server_state.tasks:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)
    writer.close()
    while wire.server.server_state.tasks:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
