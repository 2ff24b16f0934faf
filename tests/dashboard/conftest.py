"""The dashboard beside the API, in process; browsers that hold cookies and send forms."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest_asyncio
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page

from milepost.cli.face import desk_of
from milepost.dashboard.app import routes
from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.outcome import Done, Failed, Outcome
from milepost.engine.kind import Kind
from milepost.engine.transit import transit
from milepost.kinds.executions import KIND
from tests.api_fixtures import Caller, House, serve
from tests.dashboard.chromium import chromium
from tests.factories import TABLE, new_execution

TOKEN = re.compile(r'name="form_token" value="([0-9a-f]+)"')


@dataclass(eq=False)
class Browser:
    """Somebody at the pages. `caller` is who signed in."""

    http: httpx2.AsyncClient
    caller: Caller

    async def get(self, path: str, status: int = 200) -> str:
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.text

    async def send(self, path: str, page: str, **fields: Any) -> httpx2.Response:
        """A form of the page at `page`, with that page's token."""
        token = TOKEN.search(await self.get(page))
        assert token is not None
        return await self.http.post(path, data={"form_token": token[1], **fields})

    @property
    def cookie(self) -> str:
        return self.http.cookies["milepost_session"]


# a stream that was cut, a form that was refused
EXPECTED_TROUBLE = re.compile(r"ERR_INCOMPLETE_CHUNKED|status of 4\d\d")


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Chromium]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture
async def url(dashboard: House) -> AsyncIterator[str]:
    async with serve(dashboard.app) as url:
        yield url


@pytest_asyncio.fixture
async def page(browser: Chromium, url: str) -> AsyncIterator[Page]:
    """A tab. Whatever it complains about fails the test."""
    context = await browser.new_context(base_url=url)
    page = await context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("console", lambda line: trouble.append(line.text) if line.type == "error" else None)
    yield page
    await context.close()
    assert [line for line in trouble if not EXPECTED_TROUBLE.search(line)] == []


SignIn = Callable[..., Awaitable[Browser]]


@pytest_asyncio.fixture
async def dashboard(house: House) -> House:
    house.app.router.routes.extend(routes(desk_of(house.deps)))
    return house


@pytest_asyncio.fixture
async def enter(dashboard: House) -> AsyncIterator[SignIn]:
    """Signs in: `await enter()` as a producer, `await enter(caller)` as somebody with a key already."""

    async def make(caller: Caller | None = None) -> Browser:
        caller = caller or await dashboard.caller()
        browser = Browser(dashboard.client(), caller)
        answer = await browser.send("/sign-in", "/sign-in", key=caller.key)
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
        return browser

    yield make


async def waiting(house: House, caller: Caller, *, prompt: str = "Say something.", **changes: Any) -> Job:
    columns = {"prompt": prompt, "model": "offline/extract", "max_tokens": 10, "job_name": "exec-test"}
    new = new_execution(user_id=caller.user_id, columns=columns, **changes)
    return (await house.database.ledger.submit(TABLE, new)).job


async def running(house: House, caller: Caller, *, worker: str = "w1", **changes: Any) -> Job:
    job = await waiting(house, caller, **changes)
    return await claimed(house, KIND, job.id, worker)


async def claimed(house: House, kind: Kind, job_id: UUID, worker: str = "w1") -> Job:
    return (await house.database.ledger.claim(kind.table, [(job_id, 1)], worker, 20)).jobs[0]


async def progressed(house: House, job: Job, progress: int, stage: str, *, worker: str = "w1", **columns: Any) -> None:
    noted = {"progress": progress, "stage": stage, **columns}
    await house.database.ledger.note(TABLE, job.id, job.version, worker, noted)


async def ended(house: House, caller: Caller, outcome: Done | Failed, **changes: Any) -> Job:
    job = await waiting(house, caller, **changes)
    return await ended_as(house, KIND, job.id, outcome)


async def ended_as(house: House, kind: Kind, job_id: UUID, outcome: Done | Failed) -> Job:
    """A job that waits is claimed and ends so."""
    job = await claimed(house, kind, job_id)
    await finished(house, kind, job, outcome)
    return job


async def finished(house: House, kind: Kind, job: Job, outcome: Outcome) -> None:
    """A running job ends so."""
    wanted = decide.after_attempt(
        kind.machine, kind.policy, job, outcome, actor="worker:w1", now=job.scheduled_at, chance=0.5
    )
    await transit(house.database, kind, job, wanted)


async def stored(caller: Caller, job_id: UUID, name: str, mime_type: str, content: bytes) -> str:
    """A file of an execution; its id."""
    asked = {"file_name": name, "file_size": len(content), "mime_type": mime_type, "type": "IMAGE"}
    made = await caller.http.post(f"/v1/executions/{job_id}/artifacts", json=asked)
    assert made.status_code == 201, made.text
    headers = {"Content-Type": "application/octet-stream"}
    put = await caller.http.put(made.json()["upload_url"], content=content, headers=headers)
    assert put.status_code == 200, put.text
    return made.json()["id"]
