"""One job: where it is, why it waits, its history, its files; and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from starlette.responses import Response

from milepost.dashboard.advice import advice_for
from milepost.dashboard.desk import Desk
from milepost.dashboard.doors import Visit
from milepost.dashboard.pages import Parts, digests, parts
from milepost.dashboard.pictures import pictures_of
from milepost.dashboard.record import ELSEWHERE, record_of
from milepost.dashboard.refusals import not_found
from milepost.dashboard.rows import find_rows, took
from milepost.dashboard.view import View
from milepost.db.filters import Part, Wanted
from milepost.db.wholes import Whole, find_whole
from milepost.domain.errors import Unavailable
from milepost.domain.estimate import spoken
from milepost.domain.ids import read_short
from milepost.domain.job import Job
from milepost.domain.machine import By, Phase
from milepost.engine.artifacts import Artifact
from milepost.engine.kind import Kind
from milepost.engine.sessions import Viewer
from milepost.engine.why import Why, why
from milepost.kinds.requests import CANONICAL

PARTS = ("said", "head", "actions", "pictures", "texts", "files", "timeline", "record")
TICK = 5.0
# a text of that length gets a place of its own
LONG = 120
# what was done from this page, and how long saying so is true
DONE = {
    "cancel": ("It was cancelled.", Phase.CANCELLED),
    "asked": ("It was asked to stop.", Phase.RUNNING),
    "retry": ("It waits for its next attempt.", Phase.QUEUED),
    "later": ("It waits again, and keeps the time that it was made for.", Phase.QUEUED),
}


class Step(NamedTuple):
    """A change of status. `took`: since the one before. `edge`: why, unless that is the status's own name."""

    row: Mapping[str, Any]
    phase: Phase
    took: timedelta | None
    edge: str
    note: str


class One:
    """One page and its stream."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def page(self, visit: Visit) -> Response:
        if (digits := read_short(visit.request.path_params["job_id"])) is not None:
            return await self._named(visit.viewer, digits)
        kind, whole = await self.find(visit.viewer, visit.request.path_params["job_id"])
        shown = await self._parts(visit, kind, whole)
        return visit.page(
            "job", kind=kind, job=whole.job, title=kind.title(whole.job), parts=shown,
            live=f"/live/jobs/{whole.job.id}" + (f"?done={done}" if (done := _done(visit)) else ""), shown=digests(shown),
        )  # fmt: skip

    async def _named(self, viewer: Viewer, digits: str) -> Response:
        """To the job of that short id; to all of them where it has several. Raises Refused."""
        rows, _ = await find_rows(viewer, self._desk.kinds, Wanted(owner=viewer.owner, short_id=digits), Part(limit=2))
        if not rows:
            raise not_found()
        place = f"/jobs/{rows[0].job.id}" if len(rows) == 1 else f"/jobs?search={digits}"
        return Response(status_code=303, headers={"Location": place})

    async def view(self, visit: Visit) -> View:
        kind, whole = await self.find(visit.viewer, visit.request.path_params["job_id"])

        async def look() -> Parts:
            return await self._parts(visit, *await self.find(visit.viewer, str(whole.job.id)))

        return View(look, (kind,), visit.viewer, frozenset({whole.job.id}), TICK)

    async def find(self, viewer: Viewer, text: str) -> tuple[Kind, Whole]:
        """Raises Refused, alike for what does not exist and what is another's."""
        if CANONICAL.fullmatch(text):
            for kind in self._desk.kinds:
                whole = await find_whole(viewer.database.connections, kind.table, UUID(text))
                if whole is not None and viewer.sees(whole.job.user_id):
                    return kind, whole
        raise not_found()

    async def _parts(self, visit: Visit, kind: Kind, whole: Whole) -> Parts:
        viewer, job, answer = visit.viewer, whole.job, kind.answer(whole.job)
        phase, artifacts = kind.phase(job), [Artifact(row) for row in whole.artifacts]
        title = kind.title(job)
        texts = {name: text for name, text in answer.items() if _is_long(name, text)}
        told = {*texts, *(name for name, text in answer.items() if text and text == title)}
        return parts(
            "job", PARTS, said=_said(_done(visit), phase), viewer=viewer, form_token=visit.form_token, kind=kind, job=job, phase=phase, took=took(job),
            left=spoken(whole.left), why=await self._why(viewer, kind, job, phase), advice=advice_for(kind, job),
            may_cancel=not phase.terminal and viewer.controls(job, kind.scope),
            may_retry=_retries(kind, job) and viewer.controls(job, kind.scope),
            pictures=pictures_of(viewer.database.name, answer, artifacts), texts=texts, artifacts=artifacts,
            steps=_steps(kind, whole.transitions), record=record_of(viewer, kind, job, answer, told),
        )  # fmt: skip

    async def _why(self, viewer: Viewer, kind: Kind, job: Job, phase: Phase) -> Why | None:
        if phase.terminal:
            return None
        try:
            alive = sum(1 for worker in await self._desk.presence() if kind.name in worker.kinds)
        except Unavailable:
            alive = None
        return await why(viewer.database, kind, job, alive)


def _done(visit: Visit) -> str:
    done = visit.request.query_params.get("done", "")
    return done if done in DONE else ""


def _said(done: str, phase: Phase) -> str:
    """Nothing any more once the job has gone on."""
    sentence, while_ = DONE.get(done, ("", None))
    return sentence if phase is while_ else ""


def _retries(kind: Kind, job: Job) -> bool:
    return kind.machine.find(job.status, "retry", By.PRODUCER) is not None


def _steps(kind: Kind, rows: Sequence[Mapping[str, Any]]) -> list[Step]:
    before: list[datetime | None] = [None, *(row["transitioned_at"] for row in rows)]
    times = [None if a is None or b is None else b - a for a, b in pairwise(before)]
    return [_step(kind, row, time) for row, time in zip(rows, times, strict=True)]


def _step(kind: Kind, row: Mapping[str, Any], time: timedelta | None) -> Step:
    edge, _, note = (row["reason"] or "").partition(" ")
    told = "" if edge == row["to_status"].lower() else edge.replace("_", " ")
    return Step(row, kind.machine.phase(row["to_status"]), time, told, note)


def _is_long(name: str, value: Any) -> bool:
    return name not in ELSEWHERE and isinstance(value, str) and (len(value) > LONG or "\n" in value)
