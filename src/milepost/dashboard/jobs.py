"""The list of jobs: filters in the URL, newest first, page after page."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from starlette.datastructures import QueryParams
from starlette.responses import Response

from milepost.dashboard.desk import Desk
from milepost.dashboard.doors import Visit
from milepost.dashboard.pages import Parts, digests, parts
from milepost.dashboard.refusals import Refused
from milepost.dashboard.rows import Row, find_rows
from milepost.dashboard.view import View
from milepost.db.reads import Listed, Part, Wanted
from milepost.domain.errors import SearchTooSlow
from milepost.domain.machine import Phase
from milepost.domain.text import visible
from milepost.engine.kind import Kind
from milepost.engine.sessions import Viewer
from milepost.kinds.requests import rfc3339

PAGE = 25
LONGEST_SEARCH = 200
LONGEST_CODE = 100
ENDED = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Filter:
    """What the URL asks for. `owner`: `me` or a user's id. `ended`: within an hour or a day, as the clock goes on.

    `after`: the last job of the page before.
    """

    kind: str = ""
    phase: str = ""
    status: str = ""
    search: str = ""
    owner: str = ""
    error_code: str = ""
    ended: str = ""
    after: str = ""

    @property
    def any(self) -> bool:
        return replace(self, after="") != Filter()

    def link(self, path: str = "/jobs", **changes: str) -> str:
        wanted = replace(self, **({"after": ""} | changes))
        named = {field.name: getattr(wanted, field.name) for field in fields(Filter)}
        query = urlencode({name: value for name, value in named.items() if value})
        return f"{path}?{query}" if query else path


class Jobs:
    """One page and its stream."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def page(self, visit: Visit) -> Response:
        asked = self._asked(visit.request.query_params)
        shown = await self._parts(visit.viewer, asked)
        statuses = self._worth_choosing(asked)
        return visit.page(
            "jobs", asked=asked, kinds=self._desk.kinds, statuses=statuses, parts=shown,
            live=asked.link("/live/jobs", after=asked.after), shown=digests(shown),
        )  # fmt: skip

    async def view(self, visit: Visit) -> View:
        asked = self._asked(visit.request.query_params)
        return View(lambda: self._parts(visit.viewer, asked), self._kinds(asked), visit.viewer)

    def _asked(self, query: QueryParams) -> Filter:
        """Raises Refused: a filter that means nothing must not look like one that finds nothing."""
        asked = Filter(**{field.name: query.get(field.name, "").strip() for field in fields(Filter)})
        asked = replace(asked, search="".join(c if c.isprintable() else " " for c in asked.search)[:LONGEST_SEARCH])
        statuses = {status for kind in self._desk.kinds for status in kind.machine.phases}
        good = (
            asked.kind in {"", *(kind.name for kind in self._desk.kinds)}
            and asked.phase in {"", *Phase}
            and asked.status in {"", *statuses}
            and asked.owner in {"", "me", _canonical(asked.owner)}
            and asked.ended in {"", *ENDED}
            and len(asked.error_code) <= LONGEST_CODE
            and visible(asked.error_code) == asked.error_code
        )
        if not good:
            raise Refused(
                422, "There is no such filter", "A kind, a state or an owner in the address is not known here."
            )
        return asked

    def _kinds(self, asked: Filter) -> tuple[Kind, ...]:
        return tuple(kind for kind in self._desk.kinds if asked.kind in {"", kind.name})

    def _worth_choosing(self, asked: Filter) -> list[str]:
        """The kind's own statuses, where they say more than the phase does; and what was asked for."""
        machine = next(kind.machine for kind in self._kinds(asked))
        if asked.status or (asked.kind and len(machine.phases) > len(set(machine.phases.values()))):
            return list(dict.fromkeys(status for kind in self._kinds(asked) for status in kind.machine.phases))
        return []

    async def _parts(self, viewer: Viewer, asked: Filter) -> Parts:
        rows, found, slow = await self._find(viewer, asked)
        last = found.jobs[-1] if found.more else None
        older = asked.link(after=f"{last['created_at'].isoformat()}_{last.id}") if last is not None else None
        return parts(
            "jobs", ("rows",), rows=rows, total=found.total, slow=slow, asked=asked, older=older, viewer=viewer
        )

    async def _find(self, viewer: Viewer, asked: Filter) -> tuple[list[Row], Listed, bool]:
        wanted = Wanted(
            owner=viewer.owner,
            user_id=_owner(viewer, asked.owner),
            statuses=self._statuses(asked),
            search=asked.search or None,
            error_code=asked.error_code or None,
            finished_within=ENDED.get(asked.ended),
        )
        part = Part(limit=PAGE, after=_after(asked.after))
        try:
            return *await find_rows(viewer, self._kinds(asked), wanted, part), False
        except SearchTooSlow:
            return [], Listed([], more=False, total=None), True

    def _statuses(self, asked: Filter) -> frozenset[str] | None:
        if not asked.phase and not asked.status:
            return None
        return frozenset(
            status
            for kind in self._kinds(asked)
            for status, phase in kind.machine.phases.items()
            if asked.phase in {"", phase} and asked.status in {"", status}
        )


def _owner(viewer: Viewer, text: str) -> UUID | None:
    return viewer.user_id if text == "me" else UUID(text) if text else None


def _canonical(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def _after(text: str) -> tuple[datetime, UUID] | None:
    """Not signed, as the API's cursors are: it says where to begin, never what to show. Raises Refused."""
    if not text:
        return None
    at, _, job_id = text.rpartition("_")
    try:
        return rfc3339(at), UUID(job_id)
    except ValueError:
        raise _no_page() from None


def _no_page() -> Refused:
    return Refused(422, "There is no such page", "Begin again at the newest jobs.")
