"""Which jobs a list shows, as conditions of its statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from milepost.db.job_table import JobTable
from milepost.db.tables import SHORT_ID, in_list
from milepost.domain.ids import read_short, read_whole
from milepost.domain.machine import Phase

# how failures without a code of their own are counted
UNKNOWN = "UNKNOWN"

SortBy = Literal["created_at", "finished_at", "status"]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """One kind's table as lists see it: places that are searched, long columns that are cut, columns that are names.

    A place is a column, or a member of a JSON column as in `data.title`. A name is looked up whole, by an index.
    """

    table: JobTable
    searched: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs. None and empty mean no filter; `equal` holds columns of the kind's own and their values.

    `short_id`: as `domain.ids.short_id` writes it; several jobs may have it. `finished_within`: so long ago at most.
    `error_code` UNKNOWN: failed without a code. `ids`: what a search turned out to name.
    """

    owner: UUID | None = None
    user_id: UUID | None = None
    statuses: frozenset[str] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    finished_after: datetime | None = None
    finished_before: datetime | None = None
    finished_within: timedelta | None = None
    priority: int | None = None
    error_code: str | None = None
    search: str | None = None
    short_id: str | None = None
    ids: frozenset[UUID] | None = None
    has_artifacts: bool | None = None
    equal: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Part:
    """Which of them, in which order. `after`: sort value and id of the last job seen, instead of an offset.

    `ended`: none that is open, which in the order of finish come last.
    """

    sort_by: SortBy = "created_at"
    descending: bool = True
    limit: int = 20
    offset: int = 0
    after: tuple[Any, UUID] | None = None
    ended: bool = False


class Arguments:
    """Collects values and answers their places in the statement."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def __call__(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"


def where(listing: Listing, wanted: Wanted, part: Part | None, at: Arguments) -> str:
    conditions = [
        f"j.{column} {sign} {at(value)}"
        for column, sign, value in (
            ("user_id", "=", wanted.owner),
            ("user_id", "=", wanted.user_id),
            ("created_at", ">=", wanted.created_after),
            ("created_at", "<", wanted.created_before),
            ("finished_at", ">=", wanted.finished_after),
            ("finished_at", "<", wanted.finished_before),
            ("priority", "=", wanted.priority),
            *((name, "=", value) for name, value in wanted.equal.items()),
        )
        if value is not None
    ]
    conditions += _told(listing, wanted, at)
    if part is not None and part.ended:
        conditions.append("j.finished_at IS NOT NULL")
    if part is not None and part.after is not None:
        conditions.append(_beyond(part, *part.after, at))
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _told(listing: Listing, wanted: Wanted, at: Arguments) -> Iterator[str]:
    """What takes more than a comparison."""
    if wanted.statuses is not None:
        yield _one_of(listing, wanted.statuses)
    if wanted.finished_within is not None:
        yield f"j.finished_at > now() - {at(wanted.finished_within)}::interval"
    if wanted.error_code is not None:
        yield _with_code(listing, wanted.error_code, at)
    if wanted.ids is not None:
        yield f"j.id = ANY ({at(list(wanted.ids))}::uuid[])"
    if wanted.search is not None:
        yield _found_in(listing, at(f"%{literal(wanted.search)}%"))
    if wanted.short_id is not None:
        yield _ending(listing, at(wanted.short_id))
    if wanted.has_artifacts is not None:
        yield _with_artifacts(listing.table.kind, wanted.has_artifacts)


def _one_of(listing: Listing, statuses: frozenset[str]) -> str:
    """As the partial indexes say it: literally, what waits by itself, and what runs by its lease."""
    machine = listing.table.machine
    running = [status for status in machine.statuses(Phase.RUNNING) if status in statuses]
    others = [status for status in machine.phases if status in statuses and status not in (*running, machine.queued)]
    arms = [f"j.status = '{machine.queued}'"] if machine.queued in statuses else []
    arms += [f"({in_list('j.status', tuple(running))} AND j.lease_owner IS NOT NULL)"] if running else []
    arms += [in_list("j.status", tuple(others))] if others else []
    return f"({' OR '.join(arms)})"


def _with_code(listing: Listing, code: str, at: Arguments) -> str:
    same = f"j.error_code = {at(code)}"
    failed = in_list("j.status", listing.table.machine.statuses(Phase.FAILED))
    return f"({same} OR (j.error_code IS NULL AND {failed}))" if code == UNKNOWN else same


def names(listing: Listing, text: str) -> Iterator[tuple[str, Any]]:
    """Conditions by which the text names one job whole, each answered by an index, with the value that is $1 in it."""
    if (whole := read_whole(text)) is not None:
        yield "id = $1", whole
    if (digits := read_short(text)) is not None:
        yield f"{SHORT_ID} = $1", digits
    for column in listing.named:
        yield f"{column} = $1", text.strip()


def _found_in(listing: Listing, pattern: str) -> str:
    texts = [f"{_at(place)} ILIKE {pattern}" for place in (*listing.searched, "error_code")]
    return f"({' OR '.join(texts)})"


def _at(place: str) -> str:
    column, _, member = place.partition(".")
    return f"j.{column} ->> '{member}'" if member else f"j.{column}"


def _ending(listing: Listing, digits: str) -> str:
    # a question of its own: beside an order and a limit the planner would rather walk the list until it meets them
    return f"j.id = ANY (ARRAY (SELECT id FROM {listing.table.name} WHERE {SHORT_ID} = {digits}))"


def _with_artifacts(kind: str, wanted: bool) -> str:  # noqa: FBT001 - the value of a filter
    some = f"EXISTS (SELECT FROM artifacts a WHERE a.job_kind = '{kind}' AND a.job_id = j.id AND a.status <> 'DELETED')"
    return some if wanted else f"NOT {some}"


def _beyond(part: Part, value: Any, job_id: UUID, at: Arguments) -> str:
    column, sign = f"j.{part.sort_by}", "<" if part.descending else ">"
    if value is None:  # jobs without an end come last in either order
        return f"({column} IS NULL AND j.id {sign} {at(job_id)})"
    rest = f"({column}, j.id) {sign} ({at(value)}, {at(job_id)})"
    return f"({rest} OR {column} IS NULL)" if part.sort_by == "finished_at" and not part.ended else rest


def literal(text: str) -> str:
    """A search text as a LIKE pattern that matches only itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
