"""Somebody who writes texts full of characters that are obeyed or unseen, wherever a text can be written."""

from __future__ import annotations

import json
import re
import time
import unicodedata
from uuid import UUID

from uuid_utils.compat import uuid7

from milepost.domain.job import Job
from milepost.domain.outcome import Done, Failed
from milepost.engine.cancel import cancel
from milepost.kinds.executions import KIND as EXECUTION
from milepost.kinds.images import KIND as IMAGE
from milepost.queue.presence import Presence, show
from tests.api_fixtures import Caller, House
from tests.dashboard.conftest import claimed, ended_as, progressed, stored
from tests.images_fixtures import REQUEST

# turned round, a terminal's escape, hidden, an isolate, a line that is none, a bell, a tag, a soft hyphen, a joiner
UNSEEN = "\u202e\x1b[31m\u200b\u2066\u2028\x07\ufeff\U000e0041\xad\u200d\u200f\x85"
HEBREW = "שלום"
NOT_PLAIN = re.compile(r"[^\n\t -~]")


def mark(field: str) -> str:
    """A text that tells where it was written."""
    return f"{field}{UNSEEN}{HEBREW}"


def shown(field: str) -> str:
    return field + r"\u202e\x1b[31m\u200b\u2066"


def hidden_in(text: str) -> list[str]:
    """Characters that are obeyed or that nobody sees."""
    categories = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    return [hex(ord(c)) for c in NOT_PLAIN.findall(text) if unicodedata.category(c) in categories]


# on which pages each is to be found: a column, a member of JSON, a name
FIELDS = (
    "prompt", "metakey", "metavalue", "stage", "message", "output", "stop", "pod", "detail", "file", "mime", "reason",
    "title", "character", "worker", "user", "actor", "code",
)  # fmt: skip


class Scribe:
    """Writes the mark."""

    def __init__(self, house: House, caller: Caller) -> None:
        self.house = house
        self.caller = caller
        self.jobs: dict[str, UUID] = {}

    async def write(self) -> None:
        note = Presence(mark("worker")[:60], ("execution", mark("workerkind")), 0, 8, time.time() - 60, time.time())
        await show(self.house.redis, note, life=600)
        self.jobs["running"] = (await self.running()).id
        self.jobs["succeeded"] = await self._ended(Done({"output": mark("output") * 2, "stop_reason": mark("stop")}))
        self.jobs["failed"] = await self._ended(Failed(mark("code"), mark("message")))
        await stored(self.caller, self.jobs["succeeded"], "a.txt", "text/plain", b"x")
        self.jobs["cancelled"] = await self._cancelled()
        self.jobs["sticker"] = await self._sticker()

    async def running(self) -> Job:
        job = await claimed(self.house, EXECUTION, await self._submitted(), mark("holder"))
        columns = {"pod_name": mark("pod"), "error_details": json.dumps({mark("k"): mark("detail")})}
        await progressed(self.house, job, 30, mark("stage"), worker=mark("holder"), **columns)
        return job

    async def _submitted(self) -> UUID:
        metadata = {mark("metakey"): mark("metavalue"), "deep": {"list": [mark("deep")]}}
        return UUID((await self.caller.submit(prompt=mark("prompt"), metadata=metadata))["id"])

    async def _ended(self, outcome: Done | Failed) -> UUID:
        return (await ended_as(self.house, EXECUTION, await self._submitted(), outcome)).id

    async def _cancelled(self) -> UUID:
        job_id = await self._submitted()
        await cancel(self.house.database, EXECUTION, job_id, actor=f"cli:{mark('actor')}", note=mark("reason"))
        return job_id

    async def _sticker(self) -> UUID:
        words = {"title": mark("title"), "character_name": mark("character"), "prompt": mark("prompt")}
        asked = REQUEST | words | {"style": {"x-other": mark("style")}}
        answer = await self.caller.http.post("/v1/images", json=asked, headers={"Idempotency-Key": str(uuid7())})
        assert answer.status_code == 202, answer.text
        job_id = UUID(answer.json()["id"])
        await ended_as(
            self.house, IMAGE, job_id, Done({"result": json.dumps({"x": mark("result")}), "stage": mark("s")})
        )
        return job_id


def paths(scribe: Scribe) -> list[str]:
    return [
        "/", "/jobs", "/jobs?search=%E2%80%AEx%1B%07%E2%80%8B", "/jobs?phase=nonsense%E2%80%AE%1B", "/sign-in?next=/jobs%3F%E2%80%AE",
        "/jobs?error_code=X%E2%80%AE", f"/jobs/{uuid7()}%E2%80%AE", *(f"/jobs/{job_id}" for job_id in scribe.jobs.values()),
    ]  # fmt: skip
