"""Streams of pages over a real server: only what differs, at once, after every break, and to nobody else."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest_asyncio

from milepost.dashboard.doors import COOKIE
from milepost.domain.outcome import Failed
from tests.api_fixtures import House, serve
from tests.dashboard.conftest import Browser, SignIn, ended, progressed, running, waiting

SHOWN = re.compile(r'data-live="([^"]+)" data-shown="([^"]+)"')


@pytest_asyncio.fixture
async def url(dashboard: House) -> AsyncIterator[str]:
    async with serve(dashboard.app) as url:
        yield url


class Streamed:
    """Events of one open stream."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def next(self, within: float = 15) -> tuple[str, str, dict[str, str]]:
        """Name, id, data."""
        event: dict[str, str] = {}
        async with asyncio.timeout(within):
            async for line in self._lines:
                if line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif "data" in event:
                    return event["event"], event.get("id", ""), json.loads(event["data"])
                else:
                    event = {}
        raise AssertionError("the stream ended")

    async def until(self, part: str, text: str) -> tuple[str, str]:
        """The id of the first event that shows the text in the part, and the part."""
        while True:
            _, identity, parts = await self.next()
            if text in parts.get(part, ""):
                return identity, parts[part]


@asynccontextmanager
async def stream(url: str, browser: Browser, path: str, last_id: str | None = None) -> AsyncIterator[Streamed]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    cookies = {COOKIE: browser.cookie}
    async with (
        httpx2.AsyncClient(base_url=url, cookies=cookies, timeout=30) as client,
        client.stream("GET", path, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Streamed(aiter(answer.aiter_lines()))


async def shown(browser: Browser, page: str) -> str:
    """The stream's address as the page names it, with what the page shows."""
    found = SHOWN.search(await browser.get(page))
    assert found
    return f"{found[1].replace('&amp;', '&')}{'&' if '?' in found[1] else '?'}shown={found[2]}"


async def test_a_page_that_is_right_hears_nothing_until_something_happens_and_then_only_that(
    dashboard: House, url: str, enter: SignIn
) -> None:
    browser = await enter()
    job = await running(dashboard, browser.caller)

    async with stream(url, browser, await shown(browser, f"/jobs/{job.id}")) as events:
        await asyncio.sleep(0)
        await progressed(dashboard, job, 30, "reading")
        name, identity, parts = await events.next()

    assert name == "parts"
    assert len(identity.split("-")) == 8
    assert "30 %" in parts["head"]
    assert {"texts", "timeline", "files", "pictures"}.isdisjoint(parts)


async def test_after_a_break_exactly_what_differs_is_sent(dashboard: House, url: str, enter: SignIn) -> None:
    browser = await enter()
    job = await running(dashboard, browser.caller)
    async with stream(url, browser, await shown(browser, f"/jobs/{job.id}")) as events:
        await progressed(dashboard, job, 30, "reading")
        last, _ = await events.until("head", "30 %")

    await browser.send(f"/jobs/{job.id}/cancel", "/", version=2)
    async with stream(url, browser, f"/live/jobs/{job.id}?shown=old", last) as events:
        _, again, parts = await events.next()

    assert "Asked to stop" in parts["actions"]
    assert "timeline" not in parts
    async with stream(url, browser, f"/live/jobs/{job.id}", again) as events:
        await progressed(dashboard, job, 60, "writing")
        _, _, parts = await events.next()
        assert "60 %" in parts["head"]
        assert "actions" not in parts


async def test_a_browser_that_shows_something_unknown_gets_everything(
    dashboard: House, url: str, enter: SignIn
) -> None:
    browser = await enter()
    await waiting(dashboard, browser.caller)

    for path in ("/live/overview", "/live/overview?shown=1-2-3", "/live/overview?shown=%00%0Anonsense"):
        async with stream(url, browser, path) as events:
            _, _, parts = await events.next()
        assert set(parts) == {"sentence", "kinds", "workers", "failures", "latest"}


async def test_lists_and_the_overview_follow_what_happens(dashboard: House, url: str, enter: SignIn) -> None:
    browser = await enter()
    overview, failed = await shown(browser, "/"), await shown(browser, "/jobs?phase=failed")
    async with stream(url, browser, overview) as first, stream(url, browser, failed) as second:
        job = await ended(dashboard, browser.caller, Failed("BROKEN", "It broke."))
        await first.until("failures", "BROKEN")
        await second.until("rows", str(job.id))


async def test_others_jobs_are_neither_told_nor_woken_for(dashboard: House, url: str, enter: SignIn) -> None:
    mine, theirs = await enter(), await enter()
    async with stream(url, mine, await shown(mine, "/jobs")) as events:
        await waiting(dashboard, theirs.caller, prompt="Theirs alone")
        await waiting(dashboard, mine.caller, prompt="Mine alone")
        _, rows = await events.until("rows", "Mine alone")
    assert "Theirs alone" not in rows

    job = await waiting(dashboard, theirs.caller)
    async with stream(url, mine, f"/live/jobs/{job.id}") as events:
        assert (await events.next())[0] == "ended"


async def test_a_stream_ends_with_its_session(dashboard: House, url: str, enter: SignIn) -> None:
    browser = await enter()
    async with stream(url, browser, await shown(browser, "/jobs")) as events:
        await dashboard.revoke(browser.caller)
        assert (await events.next(within=10))[0] == "ended"

    async with stream(url, browser, "/live/jobs") as events:
        assert (await events.next())[0] == "ended"


async def test_however_much_happens_a_stream_looks_once_a_second(
    dashboard: House, url: str, owner: Any, enter: SignIn
) -> None:
    browser = await enter()
    sent = 0
    async with stream(url, browser, await shown(browser, "/jobs")) as events:
        began = asyncio.get_running_loop().time()
        for _ in range(200):
            job = await running(dashboard, browser.caller)
        while True:
            _, _, parts = await events.next()
            sent += 1
            if (
                str(job.id) in parts["rows"]
                and "is-running" in parts["rows"].partition(f"/jobs/{job.id}")[0].rpartition("<tr")[2]
            ):
                break
        took = asyncio.get_running_loop().time() - began

    assert sent <= took + 2
