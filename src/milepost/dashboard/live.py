"""Pages that stay right by themselves: a stream sends a page's parts anew when they are no longer what the browser shows.

It carries pictures of the present, not changes. The id of an event is a digest of all parts as the browser then shows
them, and a browser that comes back sends it as Last-Event-ID: so it gets exactly what differs, however long it was away
and whatever history was cleaned up meanwhile.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from time import monotonic

import orjson
from starlette.requests import Request
from starlette.responses import Response

from milepost import observe
from milepost.dashboard.desk import Desk
from milepost.dashboard.doors import Doors, Visit
from milepost.dashboard.pages import Parts, changed, digests
from milepost.dashboard.refusals import Refused
from milepost.dashboard.view import View
from milepost.domain.errors import MilepostError, Unavailable
from milepost.engine.feed import Event, Slow
from milepost.net.event_stream import HEARTBEAT, OPENING, EventStream

Viewed = Callable[[Visit], Awaitable[View]]

# at most one look a second, and no more than a tenth of the time spent looking
SHORTEST_PAUSE, REST = 1.0, 9.0
# a revoked key or a session that was left ends its streams within five seconds
RECHECK = 4.0
# the page then stops asking; a plain error would make it try for ever
ENDED = b"event: ended\ndata: {}\n\n"
KNOWN = re.compile(r"[0-9a-f-]{0,200}")
HEADERS = {"X-Accel-Buffering": "no"}


class Live:
    """Makes streams of views."""

    def __init__(self, desk: Desk, doors: Doors) -> None:
        self._desk = desk
        self._doors = doors

    def stream(self, viewed: Viewed) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            visit = await self._doors.visit(request)
            try:
                view = await viewed(visit) if visit is not None else None
            except Refused:
                view = None
            if visit is None or view is None:
                return Response(ENDED, media_type="text/event-stream")
            known = request.headers.get("last-event-id") or request.query_params.get("shown", "")
            watch = Watch(self._desk, self._doors, visit, view)
            return EventStream(watch.run(known if KNOWN.fullmatch(known) else ""), headers=HEADERS)

        return self._doors.open(endpoint)


class Watch:
    """One open stream."""

    def __init__(self, desk: Desk, doors: Doors, visit: Visit, view: View) -> None:
        self._feed = desk.feeds.of(visit.viewer.database)
        self._doors = doors
        self._visit = visit
        self._view = view
        self._stirred = False
        self._spoke_at = self._checked_at = monotonic()

    async def run(self, known: str) -> AsyncIterator[bytes]:
        yield OPENING
        with (
            observe.STREAMS.track_inprogress(),
            self._feed.follow(self._view.names, self._view.jobs, self._news) as follower,
        ):
            try:
                while not await self._feed.ready(1.0):
                    yield self._heartbeat()
                while True:
                    self._stirred = False
                    began = monotonic()
                    shown = await self._view.parts()
                    now = digests(shown)
                    if now != known:
                        yield _told(changed(shown, known), now)
                        self._spoke_at = monotonic()
                    known = now
                    await asyncio.sleep(max(SHORTEST_PAUSE, REST * (monotonic() - began)))
                    async for beat in self._until_news(follower.next):
                        yield beat
            except (Gone, Refused):
                yield ENDED
            except (Slow, MilepostError):
                return  # the browser comes back, and is told what differs

    def _news(self, event: Event) -> bool:
        """One is enough to look again: however much happens, no more than one event waits here."""
        if self._stirred or not self._view.concerned(event):
            return False
        self._stirred = True
        return True

    async def _until_news(self, news: Callable[[float], Awaitable[object]]) -> AsyncIterator[bytes]:
        """Heartbeats, until something happened or the view's tick is over. Raises Gone, Slow."""
        ends = monotonic() + self._view.tick
        while True:
            await self._still_there()
            left = min(ends - monotonic(), 1.0)
            if left <= 0 or await news(left):
                return
            if beat := self._heartbeat():
                yield beat

    async def _still_there(self) -> None:
        if monotonic() - self._checked_at < RECHECK:
            return
        self._checked_at = monotonic()
        with suppress(Unavailable):
            if await self._doors.visit(self._visit.request) is None:
                raise Gone

    def _heartbeat(self) -> bytes:
        if monotonic() - self._spoke_at < HEARTBEAT:
            return b""
        self._spoke_at = monotonic()
        return b": still here\n\n"


class Gone(Exception):
    """The session is over."""


def _told(parts: Parts, now: str) -> bytes:
    return b"event: parts\nid: " + now.encode() + b"\ndata: " + orjson.dumps(dict(parts), default=str) + b"\n\n"
