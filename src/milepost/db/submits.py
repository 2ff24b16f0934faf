"""The work of submitting: new jobs in, one array statement per group, with their effects."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from milepost.db import statements
from milepost.db.connections import Connection
from milepost.db.effects import apply_effects
from milepost.db.job_table import JobTable
from milepost.domain.errors import StaleVersion
from milepost.domain.job import Job
from milepost.domain.transition import Effect


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be submitted. `life` is the seconds after its due time at which its whole life ends.

    `columns` are the kind's own and may leave out what is NULL. `request_digest` tells a replay of the idempotency key
    from another request that came with it.
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

    async def work(connection: Connection) -> list[Submitted | Exception]:
        if not effects and whole is None:
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
    """The statement and its arrays. Columns that no job of the group fills are left out: most are empty at birth."""
    tracked = [
        [j.id for j in new],
        [j.user_id for j in new],
        [j.priority for j in new],
        [j.scheduled_at for j in new],
        [j.max_attempts for j in new],
        [j.timeout_seconds for j in new],
        [j.idempotency_key for j in new],
        [j.request_digest for j in new],
        [j.callback_url for j in new],
        [j.actor for j in new],
        [j.life for j in new],
    ]
    filled = {name for j in new for name, value in j.columns.items() if value is not None}
    columns = tuple(name for name in table.own_columns if name in filled)
    sql = statements.submit(table, columns)
    return sql, tracked + [[j.columns.get(column) for j in new] for column in columns]


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
        **table.blank,
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
