"""Server-sent events: what happens to jobs, as it happens, resumable by the id of the last transition seen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from pydantic import BeforeValidator

from milepost import observe
from milepost.api.access import READ, needing
from milepost.api.answers import encode
from milepost.api.auth import Authenticated, Caller
from milepost.api.contract import Responses, answer
from milepost.api.dependencies import Dependencies
from milepost.api.lookups import only, visible
from milepost.api.problems import Problem, shorten
from milepost.api.schemas import CANONICAL_UUID, Schema, header, query
from milepost.api.validation import fault, none_of
from milepost.db import history
from milepost.db.history import BRIEF, Step
from milepost.domain.errors import MilepostError, Unavailable
from milepost.domain.estimate import answered, time_left
from milepost.domain.machine import Phase
from milepost.engine.feed import Event, Feed, Follower, Moved, Slow, Stirred
from milepost.engine.kind import Kind
from milepost.kinds.requests import CANONICAL
from milepost.net.event_stream import HEARTBEAT, OPENING, EventStream

# added to the seconds that a key is remembered after its revocation
RECHECK = 0.9
MOST_KINDS, MOST_JOBS, MOST_PHASES, MOST_STATUSES = 20, 100, 10, 30
SNAPSHOT = 100
NO_BUFFER = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
GREATEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a stream is about. Empty sets mean everything."""

    kinds: Sequence[Kind]
    jobs: frozenset[UUID] | None
    statuses: frozenset[str]
    phases: frozenset[str]
    owner: UUID | None

    def by_name(self, name: str) -> Kind:
        return next(kind for kind in self.kinds if kind.name == name)

    def __call__(self, event: Event) -> bool:
        if isinstance(event, Moved):
            return self.step(event.step)
        # progress is made while running, and has no status to filter by
        running = not self.phases or Phase.RUNNING in self.phases
        return event.shown and running and self.owner in {None, event.sign.user_id}

    def step(self, step: Step) -> bool:
        return (
            any(kind.name == step.kind for kind in self.kinds)
            and self.owner in {None, step.user_id}
            and self.status(step.to_status, self.by_name(step.kind).machine.phase(step.to_status))
        )

    def status(self, status: str, phase: Phase) -> bool:
        return (not self.statuses or status in self.statuses) and (not self.phases or phase.value in self.phases)


def _split(values: Any) -> Any:
    """As the filters of lists: given several times, or together with commas."""
    return [part for value in values for part in value.split(",")]


SPLIT = BeforeValidator(_split)
EVENTS = (
    "Server-sent events, each with `data` in JSON: `snapshot` (first: the newest jobs, and the id from where the stream goes"
    " on), `transition` (a change of status; alone has an `id`), `progress` (what moves within a status), `heartbeat` (every"
    " 15 s), `reset` (the history no longer holds the id that was named: list again)."
)
STREAM: Responses = {200: answer("A stream without end.", {"type": "string"}, media_type="text/event-stream")}
LAST_EVENT_ID = header(
    "Last-Event-ID", "Go on after this transition; browsers send it after a break. 0: from the beginning.",
    pattern="^[0-9]{0,19}$",
)  # fmt: skip


def _parameters(kinds: Sequence[Kind]) -> list[Schema]:
    names = dict.fromkeys(name for kind in kinds for name in (kind.path, kind.name))
    statuses = dict.fromkeys(status for kind in kinds for status in kind.machine.phases)
    several = "Given several times, or together with commas."
    given: tuple[tuple[str, Schema, int, str], ...] = (
        ("kind", {"type": "string", "enum": list(names)}, MOST_KINDS, "Of these kinds alone."),
        ("job", CANONICAL_UUID, MOST_JOBS, "Of these jobs alone."),
        ("phase", {"type": "string", "enum": [phase.value for phase in Phase]}, MOST_PHASES, "In these phases alone."),
        (
            "status",
            {"type": "string", "enum": list(statuses)},
            MOST_STATUSES,
            "In these statuses of those kinds alone.",
        ),
    )
    found = [
        query(name, {"type": "array", "items": shape, "maxItems": most}, f"{told} {several}")
        for name, shape, most, told in given
    ]
    return [*found, LAST_EVENT_ID]


def routes(deps: Dependencies) -> APIRouter:
    router = APIRouter()

    @router.get(
        "/v1/events", responses=STREAM, response_class=EventStream, summary="What happens to jobs",
        description=EVENTS, dependencies=needing(READ), openapi_extra={"parameters": _parameters(deps.kinds)},
    )  # fmt: skip
    async def of_all(
        request: Request,
        caller: Authenticated,
        kind: Annotated[list[str], SPLIT, Query(max_length=MOST_KINDS, include_in_schema=False)] = [],  # noqa: B006 - FastAPI copies it
        job: Annotated[list[str], SPLIT, Query(max_length=MOST_JOBS, include_in_schema=False)] = [],  # noqa: B006
        phase: Annotated[list[Phase], SPLIT, Query(max_length=MOST_PHASES, include_in_schema=False)] = [],  # noqa: B006
        status: Annotated[list[str], SPLIT, Query(max_length=MOST_STATUSES, include_in_schema=False)] = [],  # noqa: B006
        last_event_id: Annotated[str | None, Header(max_length=30, include_in_schema=False)] = None,
    ) -> EventStream:
        only(request, "kind", "job", "phase", "status")
        jobs = frozenset(_job_id(text) for text in job) if job else None
        kinds = _kinds(deps.kinds, kind)
        wanted = Wanted(kinds, jobs, _statuses(kinds, status), frozenset(p.value for p in phase), caller.owner)
        return _stream(request, deps, caller, wanted, last_event_id)

    def of_one(kinds: Sequence[Kind]) -> Any:
        async def events(
            request: Request,
            job_id: str,
            caller: Authenticated,
            last_event_id: Annotated[str | None, Header(max_length=30, include_in_schema=False)] = None,
        ) -> EventStream:
            only(request)
            kind, job = await visible(caller, kinds, job_id)
            wanted = Wanted((kind,), frozenset({job.id}), frozenset(), frozenset(), caller.owner)
            return _stream(request, deps, caller, wanted, last_event_id)

        return events

    for path, kinds in (("jobs", deps.kinds), *((kind.path, (kind,)) for kind in deps.kinds)):
        router.add_api_route(
            f"/v1/{path}/{{job_id}}/events", of_one(kinds), name=f"{path}_events", summary="What happens to one job",
            responses=STREAM, response_class=EventStream, dependencies=needing(READ), description=EVENTS, tags=[path],
            openapi_extra={"parameters": [LAST_EVENT_ID]},
        )  # fmt: skip
    return router


def _job_id(text: str) -> UUID:
    if not CANONICAL.fullmatch(text):
        raise fault("invalid-id", "?job", f"{shorten(text)} is not a canonical UUID")
    return UUID(text)


def _kinds(kinds: Sequence[Kind], names: Sequence[str]) -> Sequence[Kind]:
    known = {kind.name for kind in kinds} | {kind.path for kind in kinds}
    for name in names:
        if name not in known:
            raise none_of("?kind", name, [kind.path for kind in kinds])
    return [kind for kind in kinds if not names or kind.name in names or kind.path in names]


def _statuses(kinds: Sequence[Kind], statuses: Sequence[str]) -> frozenset[str]:
    known = list(dict.fromkeys(status for kind in kinds for status in kind.machine.phases))
    for status in statuses:
        if status not in known:
            raise none_of("?status", status, known)
    return frozenset(statuses)


def _last_id(text: str | None) -> int | None:
    """What a client sends of its own accord after a break is trusted as little as anything else."""
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > GREATEST_ID:
        raise Problem("invalid-id", "Last-Event-ID must be the id of a transition.")
    return int(text)


def _stream(
    request: Request, deps: Dependencies, caller: Caller, wanted: Wanted, last_event_id: str | None
) -> EventStream:
    stream = Stream(request, deps.feeds.of(caller.database), caller, wanted, _last_id(last_event_id))
    return EventStream(stream.run(), headers=NO_BUFFER)


class Stream:
    """One open connection. `after`: the id of the last transition that the client has, None for a new one."""

    def __init__(self, request: Request, feed: Feed, caller: Caller, wanted: Wanted, after: int | None) -> None:
        self._request = request
        self._feed = feed
        self._caller = caller
        self._wanted = wanted
        self._after = after
        self._beat_at = self._checked_at = monotonic()

    async def run(self) -> AsyncIterator[bytes]:
        yield OPENING
        kinds = frozenset(kind.name for kind in self._wanted.kinds)
        with observe.STREAMS.track_inprogress(), self._feed.follow(kinds, self._wanted.jobs, self._wanted) as follower:
            try:
                async for part in self._parts(follower):
                    if part:
                        yield part
            except Slow:
                observe.STREAMS_CUT.inc()
            except MilepostError:
                return  # the key was revoked or the database is away: the client comes back and is told

    async def _parts(self, follower: Follower) -> AsyncIterator[bytes]:
        while not await self._feed.ready(1.0):
            yield await self._keep_alive()
        for part in await self._begin():
            yield part
        if self._after is not None:
            async for step in self._feed.since(follower, self._after):
                yield self._told(step) if self._wanted.step(step) else await self._keep_alive()
        while True:
            for event in await follower.next(1.0):
                if isinstance(event, Stirred):
                    yield _progress(event)
                elif self._after is None or event.step.id > self._after:
                    yield self._told(event.step)
            yield await self._keep_alive()

    async def _begin(self) -> Sequence[bytes]:
        """The snapshot, and whether what the client had before can be continued."""
        after, position = self._after, self._feed.position
        snapshot = _event("snapshot", {"last_event_id": position, "jobs": await self._jobs()})
        if after is None or after == 0 or await self._feed.kept(after):
            return [snapshot]
        self._after = None
        return [snapshot, _event("reset", {"last_event_id": position})]

    async def _jobs(self) -> list[dict[str, Any]]:
        """The newest jobs that the stream is about."""
        found: list[dict[str, Any]] = []
        wanted = self._wanted
        jobs = None if wanted.jobs is None else sorted(wanted.jobs)
        for kind in wanted.kinds:
            rows = await self._caller.database.connections.run(
                lambda c, k=kind: history.newest(c, k.table, wanted.owner, jobs, SNAPSHOT)
            )
            found += [shown for row in rows if (shown := self._brief(kind, row)) is not None]
        return sorted(found, key=lambda job: job["created_at"], reverse=True)[:SNAPSHOT]

    def _brief(self, kind: Kind, row: Any) -> dict[str, Any] | None:
        phase = kind.machine.phase(row["status"])
        if not self._wanted.status(row["status"], phase):
            return None
        return {"kind": kind.name, "phase": phase.value, **{column: row[column] for column in BRIEF}}

    def _told(self, step: Step) -> bytes:
        self._after = step.id
        phase = self._wanted.by_name(step.kind).machine.phase(step.to_status)
        return _event("transition", {**step._asdict(), "phase": phase.value}, step.id)

    async def _keep_alive(self) -> bytes:
        """A heartbeat if one is due, else nothing. Raises Problem once the key is no longer good."""
        now = monotonic()
        if now - self._checked_at >= RECHECK:
            self._checked_at = now
            with suppress(Unavailable):
                READ.check(await self._request.app.state.doorkeeper.again(self._request.scope))
        if now - self._beat_at < HEARTBEAT:
            return b""
        self._beat_at = now
        return _event("heartbeat", {"last_event_id": self._feed.position})


def _progress(event: Stirred) -> bytes:
    sign = event.sign
    content = {
        "kind": event.kind,
        "job_id": sign.job_id,
        "version": sign.version,
        "progress": sign.progress,
        "stage": sign.stage,
        "cancel_requested_at": sign.cancel_requested_at,
        **answered(time_left(sign.asked_at, sign.expected_at, sign.promised_at)),
    }
    return _event("progress", content)


def _event(name: str, content: Any, event_id: int | None = None) -> bytes:
    # only durable rows carry an id: a client that resumes does so after the last of them
    identity = b"" if event_id is None else b"id: %d\n" % event_id
    return b"event: " + name.encode() + b"\n" + identity + b"data: " + encode(content) + b"\n\n"
