"""What the engine, the API and the workers are told about a kind of job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast
from uuid import UUID

from milepost.db.filters import Listing
from milepost.db.job_table import JobTable
from milepost.db.reads import PREVIEW
from milepost.db.tenants import TenantDatabase
from milepost.domain.ids import short_id
from milepost.domain.job import Job
from milepost.domain.machine import Phase, StateMachine
from milepost.domain.policy import Policy
from milepost.domain.text import one_line
from milepost.domain.transition import Effect, Transition

# never shown: key and digest are secrets of their caller, the lease is nobody's business but the worker's; what is
# expected is answered as what is left
HIDDEN = frozenset(
    {"idempotency_key", "request_digest", "lease_owner", "lease_expires_at", "expected_at", "promised_at", "asked_at"}
)

LONGEST_TITLE = 200


# the timeline tells it, or nobody but a program asks
MINOR = frozenset({"claimed_at", "updated_at", "deadline_at"})
EMPTY: tuple[Any, ...] = ("", {}, [])


class Request(Protocol):
    """What every create request carries, whatever its kind."""

    scheduled_at: Any
    priority: int
    max_attempts: int
    timeout_seconds: int
    callback_url: str | None


def no_effects(_: Job, __: Transition) -> tuple[Effect, ...]:
    return ()


def all_columns(job: Job) -> Mapping[str, Any]:
    return job.row


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that maintenance does for a kind every so many seconds. `run` answers how many it handled."""

    name: str
    every: float
    run: Callable[[TenantDatabase], Awaitable[int]]


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of job.

    `path`: plural, in URLs and commands. `columns`: what a request writes into the kind's own columns. `derived`:
    columns made from the job's id, which no request is compared by. `life`: seconds a job may live beyond its time
    of waiting. `policy`: its waits; the table gets them, so that statements and code have one source. `effects`: extra
    rows of any transition, whoever makes it. `shown`: how a row is answered.
    `minor`: columns that programs want and people seldom; pages fold them.
    `titles`: where its title stands, a column or a member of a JSON column as in `data.title`, the first that holds text.
    `searched`: places like those of `titles`. `named`: columns that name a job whole, each with an index for that.
    `filters`: extra query parameters of the list, as SQL conditions of `reads`. `preview`: long text columns, cut in
    lists. `body_bytes`: the largest create request. `scope`: what
    a key needs to submit and control. `key_required`: no create without an idempotency key. `tables`: further tables
    that come with the kind. `chores`: what maintenance does beyond what it does for every kind. `named_files`: of
    these files in the kind's folder those that are wanted although they are no artifacts; the sweep leaves them.
    """

    table: JobTable
    path: str
    request: type[Any]
    columns: Callable[[Any, UUID], Mapping[str, Any]]
    policy: Policy = field(default_factory=Policy)
    derived: frozenset[str] = frozenset()
    life: Callable[[Any], int] = field(default=lambda request: request.timeout_seconds)
    effects: Callable[[Job, Transition], tuple[Effect, ...]] = no_effects
    shown: Callable[[Job], Mapping[str, Any]] = all_columns
    titles: tuple[str, ...] = ()
    minor: frozenset[str] = frozenset()
    searched: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()
    body_bytes: int = 1024 * 1024
    scope: str = "job:submit"
    key_required: bool = False
    tables: tuple[Any, ...] = ()
    chores: tuple[Chore, ...] = ()
    named_files: Callable[[TenantDatabase, Sequence[str]], Awaitable[set[str]]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", replace(self.table, policy=self.policy))

    @property
    def name(self) -> str:
        return self.table.kind

    @property
    def listing(self) -> Listing:
        return Listing(self.table, self.searched, self.preview, self.named)

    @property
    def machine(self) -> StateMachine:
        return self.table.machine

    def phase(self, job: Job) -> Phase:
        return self.machine.phase(job.status)

    def says_nothing(self, column: str, value: Any) -> bool:
        """Whether people lose nothing without it: kept for programs, empty, or a number or a yes or no as every job has it."""
        if column in MINOR | self.minor or value is None or value in EMPTY:
            return True
        return isinstance(value, int | float) and value == self.table.defaults.get(column)

    def title(self, job: Job) -> str:
        """One line by which people know the job; never empty."""
        return self._title(job, self.shown(job))

    def answer(self, job: Job) -> dict[str, Any]:
        """The job as anybody may see it, `kind`, `phase` and `title` included."""
        shown = dict(self.shown(job))
        for name in HIDDEN:
            shown.pop(name, None)
        title = self._title(job, shown)
        return {"id": job.id, "kind": self.name, "phase": self.phase(job).value, "title": title, **shown}

    def _title(self, job: Job, shown: Mapping[str, Any]) -> str:
        # no more of a text than lists have of it: a job has one title
        found = (one_line(text_at(shown, place)[:PREVIEW], LONGEST_TITLE) for place in self.titles or self.searched)
        return next((title for title in found if title), f"{self.name} …{short_id(job.id)}")


def text_at(shown: Mapping[str, Any], place: str) -> str:
    """What a place like `prompt` or `data.title` holds, if it is a text."""
    column, _, member = place.partition(".")
    value = shown.get(column)
    if member:
        value = cast("Mapping[str, Any]", value).get(member) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""
