"""The work of submitting: new jobs in, one array statement per group, with their effects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from milepost.db import statements
from milepost.db.connections import Connection
from milepost.db.effects import apply_effects
from milepost.db.job_table import JobTable
from milepost.domain.errors import StaleVersion
from milepost.domain.job import Job
from milepost.domain.transition import Effect


class NewJob(NamedTuple):
    """A job to be submitted. `life` is the seconds after its due time at which its whole life ends.

    `columns` are the kind's own and may leave out what is NULL. `request_digest` tells a replay of the idempotency key
    from another request that came with it. A tuple, because making a frozen object of so many fields takes longer.
    """

    id: UUID
    actor: str
    life: int
    timeout_seconds: int
    columns: Mapping[str, Any]
    user_id: UUID | None = None
    priority: int = 0
    scheduled_at: datetime | None = None
    max_attempts: int = 3
    idempotency_key: str | None = None
    request_digest: str | None = None
    callback_url: str | None = None
    effects: tuple[Effect, ...] = ()


# the tracked columns that a submit may fill, beside the id
TRACKED: Mapping[str, Callable[[NewJob], Any]] = {
    name: attrgetter("actor" if name == "status_actor" else name)
    for name in (
        "user_id", "priority", "scheduled_at", "max_attempts", "timeout_seconds",
        "idempotency_key", "request_digest", "callback_url", "status_actor",
    )
}  # fmt: skip


class Submitted:
    """`created` is False for a replay: the job that has the idempotency key already, as it is now."""

    __slots__ = ("_job", "_new", "_stamps", "_table", "created")

    def __init__(
        self, table: JobTable, new: NewJob, stamps: Mapping[str, Any] | None, found: Job | None = None
    ) -> None:
        self._table = table
        self._new = new
        self._stamps = stamps
        self._job = found
        self.created = found is None or found.id == new.id

    @property
    def id(self) -> UUID:
        return self._new.id if self._job is None else self._job.id

    @property
    def due_at(self) -> datetime:
        due: datetime = self.job.scheduled_at if self._stamps is None else self._stamps["scheduled_at"]
        return due

    @property
    def job(self) -> Job:
        """The row as it was written, without reading it again."""
        if self._job is None:
            assert self._stamps is not None
            self._job = Job(self._table.kind, _row(self._table, self._new, self._stamps))
        return self._job


# looks at the answers of a whole group before they are committed, and raises to have none of them
Check: TypeAlias = Callable[[Sequence[Submitted]], None]


def anything(_: Sequence[Submitted]) -> None:
    """Lets a group be created in part and found in part."""


def submit_work(
    table: JobTable, new: Sequence[NewJob], *, whole: Check | None = None
) -> Callable[[Connection], Awaitable[list[Submitted | Exception]]]:
    """Inserts a group of jobs; with `whole` all of them or, when it or one of them raises, none."""
    sql, args = submit_statement(table, new)
    effects = {job.id: job.effects for job in new if job.effects}

    # without keys and effects one statement does it, whole or not at all: a transaction would be two round trips more
    alone = not effects and (whole is None or not any(job.idempotency_key for job in new))

    async def work(connection: Connection) -> list[Submitted | Exception]:
        if alone:
            return await _answers(connection, table, new, await connection.fetch(sql, *args))
        async with connection.transaction():
            stamps = await connection.fetch(sql, *args)
            written = {row["id"] for row in stamps}
            await apply_effects(connection, {k: v for k, v in effects.items() if k in written})
            answers = await _answers(connection, table, new, stamps)
            if whole is not None:
                whole(_all_of(answers))
            return answers

    return work


def _all_of(answers: Sequence[Submitted | Exception]) -> list[Submitted]:
    """Raises the first exception among them."""
    whole: list[Submitted] = []
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
        whole.append(answer)
    return whole


def submit_statement(table: JobTable, new: Sequence[NewJob]) -> tuple[str, list[list[Any]]]:
    """The statement and its arrays. A column that has its default in every job is left out: most are empty at birth."""
    own = set[str]().union(*(job.columns for job in new))
    arrays = {name: list(map(read, new)) for name, read in TRACKED.items()}
    arrays |= {name: [job.columns.get(name) for job in new] for name in table.own_columns if name in own}
    given = {name: values for name, values in arrays.items() if not _left_out(values, table.defaults[name])}
    sql = statements.submit(table, tuple(given))
    lives = [job.life for job in new]
    return sql, [[job.id for job in new], lives, *(_filled(v, table.defaults[n]) for n, v in given.items())]


def _left_out(values: list[Any], default: Any) -> bool:
    return values.count(default) == len(values) or values.count(None) == len(values)


def _filled(values: list[Any], default: Any) -> list[Any]:
    """None asks for the default, in company as alone."""
    return values if default is None or None not in values else [default if v is None else v for v in values]


async def _answers(
    connection: Connection, table: JobTable, new: Sequence[NewJob], stamps: Sequence[Mapping[str, Any]]
) -> list[Submitted | Exception]:
    made = {row["id"]: row for row in stamps}
    others = [job for job in new if job.id not in made]
    found = await _existing(connection, table, others) if others else {}
    return [_answer(table, job, made.get(job.id), found) for job in new]


async def _existing(connection: Connection, table: JobTable, new: Sequence[NewJob]) -> dict[UUID | str, Job]:
    keys = [job.idempotency_key for job in new if job.idempotency_key]
    found: dict[UUID | str, Job] = {}
    for row in await connection.fetch(statements.existing(table), [job.id for job in new], keys):
        job = Job(table.kind, row)
        found[job.id] = job
        if row["idempotency_key"]:
            found[row["idempotency_key"]] = job
    return found


def _answer(
    table: JobTable, new: NewJob, stamps: Mapping[str, Any] | None, found: Mapping[UUID | str, Job]
) -> Submitted | Exception:
    if stamps is not None:
        return Submitted(table, new, stamps)
    # the job itself is there when a try whose answer was lost did commit
    there = found.get(new.id) or found.get(new.idempotency_key or "")
    if there is not None:
        return Submitted(table, new, None, there)
    return StaleVersion("The job with this idempotency key was deleted meanwhile.", job_id=new.id, version=0)


def _row(table: JobTable, new: NewJob, stamps: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **table.defaults,
        **new.columns,
        "id": new.id,
        "status": table.machine.queued,
        "version": 1,
        "status_reason": "created",
        "status_actor": new.actor,
        "attempt": 0,
        "progress": 0,
        "user_id": new.user_id,
        "priority": new.priority,
        "max_attempts": new.max_attempts,
        "timeout_seconds": new.timeout_seconds,
        "idempotency_key": new.idempotency_key,
        "request_digest": new.request_digest,
        "callback_url": new.callback_url,
        **stamps,
    }
