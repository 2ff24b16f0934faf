"""One job: where it is, why it waits, its history, its files; and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
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
from milepost.dashboard.refusals import not_found
from milepost.dashboard.rows import took
from milepost.dashboard.view import View
from milepost.db.wholes import Whole, find_whole
from milepost.domain.errors import Unavailable
from milepost.domain.estimate import spoken
from milepost.domain.job import Job
from milepost.domain.machine import By, Phase
from milepost.engine.artifacts import Artifact
from milepost.engine.kind import Kind
from milepost.engine.sessions import Viewer
from milepost.engine.why import Why, why
from milepost.kinds.requests import CANONICAL

PARTS = ("head", "actions", "pictures", "texts", "files", "timeline", "record")
TICK = 5.0
# a text of that length gets a place of its own
LONG = 120
# shown elsewhere on the page
ELSEWHERE = frozenset(
    {"id", "kind", "phase", "status", "progress", "stage", "error_code", "error_message", "version",
     "status_reason", "status_actor", "attempt", "max_attempts"}
)  # fmt: skip
DONE = {
    "cancel": "It was cancelled.",
    "asked": "It was asked to stop.",
    "retry": "It waits for its next attempt.",
    "later": "It waits again, and keeps the time that it was made for.",
}


class Step(NamedTuple):
    """A change of status. `took`: since the one before."""

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
        kind, whole = await self.find(visit.viewer, visit.request.path_params["job_id"])
        shown = await self._parts(visit, kind, whole)
        return visit.page(
            "job", kind=kind, job=whole.job, title=kind.title(whole.job), parts=shown,
            live=f"/live/jobs/{whole.job.id}", shown=digests(shown), done=DONE.get(visit.request.query_params.get("done", "")),
        )  # fmt: skip

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
            "job", PARTS, viewer=viewer, form_token=visit.form_token, kind=kind, job=job, phase=phase, took=took(job),
            left=spoken(whole.left), why=await self._why(viewer, kind, job, phase), advice=advice_for(kind, job),
            may_cancel=not phase.terminal and viewer.controls(job, kind.scope),
            may_retry=_retries(kind, job) and viewer.controls(job, kind.scope),
            pictures=pictures_of(viewer.database.name, answer, artifacts), texts=texts, artifacts=artifacts,
            steps=_steps(kind, whole.transitions), facts=_facts(answer, told),
        )  # fmt: skip

    async def _why(self, viewer: Viewer, kind: Kind, job: Job, phase: Phase) -> Why | None:
        if phase.terminal:
            return None
        try:
            alive = sum(1 for worker in await self._desk.presence() if kind.name in worker.kinds)
        except Unavailable:
            alive = None
        return await why(viewer.database, kind, job, alive)


def _retries(kind: Kind, job: Job) -> bool:
    return kind.machine.find(job.status, "retry", By.PRODUCER) is not None


def _steps(kind: Kind, rows: Sequence[Mapping[str, Any]]) -> list[Step]:
    before: list[datetime | None] = [None, *(row["transitioned_at"] for row in rows)]
    times = [None if a is None or b is None else b - a for a, b in pairwise(before)]
    return [_step(kind, row, time) for row, time in zip(rows, times, strict=True)]


def _step(kind: Kind, row: Mapping[str, Any], time: timedelta | None) -> Step:
    edge, _, note = (row["reason"] or "").partition(" ")
    return Step(row, kind.machine.phase(row["to_status"]), time, edge.replace("_", " "), note)


def _is_long(name: str, value: Any) -> bool:
    return name not in ELSEWHERE and isinstance(value, str) and (len(value) > LONG or "\n" in value)


def _facts(answer: Mapping[str, Any], told: AbstractSet[str]) -> list[tuple[str, Any, str]]:
    """Name, value and how to write it."""
    return [
        (name, value, _sort(value))
        for name, value in answer.items()
        if value is not None and value != {} and name not in ELSEWHERE | told
    ]


def _sort(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case datetime():
            return "moment"
        case dict():
            return "pairs"
        case list():
            return "json"
        case _:
            return "text"
