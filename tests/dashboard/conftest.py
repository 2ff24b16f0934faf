"""The dashboard beside the API, in process; browsers that hold cookies and send forms."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest_asyncio

from milepost.cli.face import desk_of
from milepost.dashboard.app import routes
from milepost.domain import decide
from milepost.domain.job import Job
from milepost.domain.outcome import Done, Failed
from milepost.engine.transit import transit
from milepost.kinds.executions import KIND
from tests.api_fixtures import Caller, House
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


async def running(house: House, caller: Caller, **changes: Any) -> Job:
    job = await waiting(house, caller, **changes)
    return (await house.database.ledger.claim(TABLE, [(job.id, job.version)], "w1", 20)).jobs[0]


async def progressed(house: House, job: Job, progress: int, stage: str, **columns: Any) -> None:
    noted = {"progress": progress, "stage": stage, **columns}
    await house.database.ledger.note(TABLE, job.id, job.version, "w1", noted)


async def ended(house: House, caller: Caller, outcome: Done | Failed, **changes: Any) -> Job:
    job = await running(house, caller, **changes)
    wanted = decide.after_attempt(
        KIND.machine, KIND.policy, job, outcome, actor="worker:w1", now=job.scheduled_at, chance=0.5
    )
    await transit(house.database, KIND, job, wanted)
    return job
