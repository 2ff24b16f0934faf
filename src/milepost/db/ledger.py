"""Submit, claim, move, beat, note: the one door to a job's status. Concurrent calls share array statements."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import asyncpg

from milepost.db import statements
from milepost.db.connections import PASSING, Connection, Connections
from milepost.db.group_commit import GroupCommit, isolate
from milepost.db.job_table import JobTable
from milepost.domain.errors import EffectRefused, RowRefused, StaleVersion
from milepost.domain.job import Job
from milepost.domain.transition import Effect, Transition


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be submitted. `life` is the seconds after its due time at which its whole life ends.

    `columns` are the kind's own and may leave out what is NULL.
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
    callback_url: str | None = None
    effects: tuple[Effect, ...] = ()


class Submitted:
    """`created` is False for a replay: the job that has the idempotency key already, as it is now."""

    __slots__ = ("_job", "_new", "_stamps", "_table", "created")

    def __init__(self, table: JobTable, new: NewJob, stamps: asyncpg.Record | None, found: Job | None = None) -> None:
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


class Moved(NamedTuple):
    """The new version; for edges into the queue also what its bell needs."""

    version: int
    priority: int = 0
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Claims:
    """What became of a group of bells: jobs now ours, and jobs to look at again when they are due."""

    jobs: list[Job] = field(default_factory=list[Job])
    later: list[tuple[UUID, datetime]] = field(default_factory=list[tuple[UUID, datetime]])


class Beat(NamedTuple):
    """One renewed lease."""

    job_id: UUID
    cancel_requested: bool


class RowError(Exception):
    """A group failed because of a row in it."""


# large enough that a statement's fixed cost vanishes, small enough that several are under way at once
MAX_GROUP = 250
T = TypeVar("T")
R = TypeVar("R")


class Ledger:
    """Of one tenant. Every method commits on its own; Unavailable is raised when the database does not answer."""

    def __init__(self, connections: Connections, *, lanes: int = 3) -> None:
        self._connections = connections
        self._lanes = lanes
        self._submits: dict[JobTable, GroupCommit[NewJob, Submitted]] = {}
        self._moves: dict[JobTable, GroupCommit[Transition, Moved]] = {}
        self._notes: dict[JobTable, GroupCommit[_Note, bool]] = {}

    async def submit(self, table: JobTable, new: NewJob) -> Submitted:
        """Inserts one job with its effects, or answers the job that has its idempotency key already.

        Raises RowRefused or EffectRefused; then nothing was written.
        """
        group = self._submits.get(table)
        if group is None:
            group = self._submits[table] = self._grouped(partial(self._submit, table))
        return await group.put(new)

    async def submit_all(self, table: JobTable, new: Sequence[NewJob]) -> list[Submitted]:
        """All of them in one transaction, or none. Raises RowRefused or EffectRefused for the batch."""
        try:
            return await self._submit(table, new, whole=True)
        except RowError as error:
            raise _told(error) from error.__cause__

    async def claim(
        self, table: JobTable, wanted: Sequence[tuple[UUID, int]], worker: str, lease_seconds: float
    ) -> Claims:
        """Takes the jobs that are still queued at the wanted version and due, in one statement."""
        ids, versions = [job_id for job_id, _ in wanted], [version for _, version in wanted]

        async def work(connection: Connection, *, doubt: bool) -> Claims:
            rows = await connection.fetch(statements.claim(table), ids, versions, worker, lease_seconds)
            claims = Claims([Job(table.kind, row) for row in rows])
            if len(rows) < len(ids):
                await self._explain_refused(connection, table, wanted, claims, worker, doubt=doubt)
            return claims

        return await self._connections.run_doubting(work)

    async def _explain_refused(
        self,
        connection: Connection,
        table: JobTable,
        wanted: Sequence[tuple[UUID, int]],
        claims: Claims,
        worker: str,
        *,
        doubt: bool,
    ) -> None:
        mine = {job.id for job in claims.jobs}
        refused = [pair for pair in wanted if pair[0] not in mine]
        ids, versions = [job_id for job_id, _ in refused], [version for _, version in refused]
        for row in await connection.fetch(statements.refused_claims(table), ids, versions, worker):
            if row["waits"]:
                claims.later.append((row["id"], row["scheduled_at"]))
            elif doubt:  # an earlier try of this very call committed and its answer was lost
                claims.jobs.append(Job(table.kind, row))

    async def move(self, table: JobTable, transition: Transition) -> Moved:
        """Makes one transition with its effects. Raises StaleVersion, EffectRefused or RowRefused; then nothing happened."""
        group = self._moves.get(table)
        if group is None:
            group = self._moves[table] = self._grouped(partial(self._move, table))
        return await group.put(transition)

    async def move_all(self, table: JobTable, transitions: Sequence[Transition]) -> list[Moved | Exception]:
        """Each on its own, grouped; for maintenance, which takes what it gets."""
        return await self._each(partial(self._move, table), transitions)

    async def note(
        self, table: JobTable, job_id: UUID, version: int, worker: str, columns: Mapping[str, Any]
    ) -> bool:
        """Writes columns of a running job without a transition. False: the job is no longer this worker's."""
        group = self._notes.get(table)
        if group is None:
            group = self._notes[table] = self._grouped(partial(self._note, table))
        return await group.put(_Note(job_id, version, worker, columns))

    async def beat(
        self, table: JobTable, held: Sequence[tuple[UUID, int]], worker: str, lease_seconds: float
    ) -> list[Beat]:
        """Renews the leases of all held jobs. A job that is not in the answer is lost."""
        held = sorted(held, key=lambda pair: pair[0].bytes)
        ids, versions = [job_id for job_id, _ in held], [version for _, version in held]

        async def work(connection: Connection) -> list[Beat]:
            rows = await connection.fetch(statements.beat(table), ids, versions, worker, lease_seconds)
            return [Beat(row[0], row[1] is not None) for row in rows]

        return await self._connections.run(work)

    async def request_cancel(self, table: JobTable, job_id: UUID, version: int, actor: str) -> bool:
        """Asks a running job to stop, with an audit row. False: already asked, or no longer at that version."""
        running = [status for status, phase in table.machine.phases.items() if phase == "running"]

        async def work(connection: Connection) -> bool:
            sql = statements.request_cancel(table, running)
            return bool(await connection.fetch(sql, job_id, version, actor))

        return await self._connections.run(work)

    def _grouped(self, run: Callable[[Sequence[T]], Awaitable[list[R | Exception]]]) -> GroupCommit[T, R]:
        return GroupCommit(partial(self._each, run), max_size=MAX_GROUP, lanes=self._lanes)

    @staticmethod
    async def _each(
        run: Callable[[Sequence[T]], Awaitable[list[R | Exception]]], items: Sequence[T]
    ) -> list[R | Exception]:
        """One answer per item; a group that one row spoils is split until that row fails alone."""
        answers = await isolate(items, run, RowError)
        return [_told(answer) if isinstance(answer, RowError) else answer for answer in answers]

    async def _submit(
        self, table: JobTable, new: Sequence[NewJob], *, whole: bool = False
    ) -> list[Submitted | Exception]:
        sql, args = submit_statement(table, new)
        effects = {job.id: job.effects for job in new if job.effects}

        async def work(connection: Connection) -> list[Submitted | Exception]:
            if not effects and not whole:
                return await self._answer_submits(connection, table, new, await connection.fetch(sql, *args))
            async with connection.transaction():
                stamps = await connection.fetch(sql, *args)
                written = {row["id"] for row in stamps}
                await _apply_effects(connection, {k: v for k, v in effects.items() if k in written})
                return await self._answer_submits(connection, table, new, stamps)

        return await self._guarded(self._connections.run(work))

    async def _answer_submits(
        self,
        connection: Connection,
        table: JobTable,
        new: Sequence[NewJob],
        stamps: Sequence[asyncpg.Record],
    ) -> list[Submitted | Exception]:
        made = {row["id"]: row for row in stamps}
        others = [job for job in new if job.id not in made]
        found = await self._existing(connection, table, others) if others else {}
        return [_answer(table, job, made.get(job.id), found) for job in new]

    async def _existing(
        self, connection: Connection, table: JobTable, new: Sequence[NewJob]
    ) -> dict[UUID | str, Job]:
        keys = [job.idempotency_key for job in new if job.idempotency_key]
        found: dict[UUID | str, Job] = {}
        for row in await connection.fetch(statements.existing(table), [job.id for job in new], keys):
            job = Job(table.kind, row)
            found[job.id] = job
            if row["idempotency_key"]:
                found[row["idempotency_key"]] = job
        return found

    async def _move(self, table: JobTable, transitions: Sequence[Transition]) -> list[Moved | Exception]:
        async def work(connection: Connection, *, doubt: bool) -> list[Moved | Exception]:
            # of several moves of one job in a group the first is tried: the others would be stale after it
            first = {t.job_id: t for t in reversed(transitions)}
            results: dict[UUID, Moved] = {}
            for shape, members in _by_shape(first.values()).items():
                results |= await self._move_shape(connection, table, shape, members)
            if doubt and len(results) < len(first):
                missing = [t for t in first.values() if t.job_id not in results]
                results |= await _settled(connection, table, missing)
            return [
                (first[t.job_id] is t and results.get(t.job_id)) or StaleVersion(job_id=t.job_id, version=t.version)
                for t in transitions
            ]

        return await self._guarded(self._connections.run_doubting(work))

    async def _move_shape(
        self, connection: Connection, table: JobTable, shape: tuple[Any, ...], members: list[Transition]
    ) -> dict[UUID, Moved]:
        edge, columns, noted, delayed, attempt_step, with_effects = shape
        sql = statements.move(table, edge, columns, noted, delayed, attempt_step)
        args = _move_arguments(members, columns, noted=noted, delayed=delayed)
        if not with_effects:
            return _moved(members, await connection.fetch(sql, *args))
        async with connection.transaction():
            moved = _moved(members, await connection.fetch(sql, *args))
            await _apply_effects(connection, {t.job_id: t.effects for t in members if t.job_id in moved})
            return moved

    async def _note(self, table: JobTable, notes: Sequence[_Note]) -> list[bool | Exception]:
        async def work(connection: Connection) -> list[bool | Exception]:
            kept: set[UUID] = set()
            ordered = sorted(notes, key=lambda n: (n.worker, tuple(n.columns), n.job_id.bytes))
            for (worker, columns), same in groupby(ordered, key=lambda n: (n.worker, tuple(n.columns))):
                # of several notes about one job in a group the last one stands
                members = list({n.job_id: n for n in same}.values())
                ids, versions = [n.job_id for n in members], [n.version for n in members]
                values = [[n.columns[c] for n in members] for c in columns]
                rows = await connection.fetch(statements.note(table, columns), ids, versions, worker, *values)
                kept |= {row[0] for row in rows}
            return [n.job_id in kept for n in notes]

        return await self._guarded(self._connections.run(work))

    @staticmethod
    async def _guarded(running: Awaitable[T]) -> T:
        """Turns what one row of a group did wrong into RowError, so that the group is split."""
        try:
            return await running
        except EffectRefused as error:
            raise RowError from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError, TypeError, OverflowError) as error:
            if isinstance(error, PASSING) and not isinstance(error, ValueError):
                raise
            raise RowError from error


@dataclass(frozen=True, slots=True)
class _Note:
    job_id: UUID
    version: int
    worker: str
    columns: Mapping[str, Any]


def _told(error: RowError) -> Exception:
    """What the caller sees: what was wrong with its own row, not that a group was split for it."""
    cause = error.__cause__
    if isinstance(cause, EffectRefused):
        return cause
    detail = getattr(cause, "constraint_name", None) or type(cause).__name__
    return RowRefused(job_id="", detail=detail, sqlstate=getattr(cause, "sqlstate", None))


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
        [j.callback_url for j in new],
        [j.actor for j in new],
        [j.life for j in new],
    ]
    filled = {name for j in new for name, value in j.columns.items() if value is not None}
    columns = tuple(name for name in table.own_columns if name in filled)
    sql = statements.submit(table, columns)
    return sql, tracked + [[j.columns.get(column) for j in new] for column in columns]


def _answer(
    table: JobTable, new: NewJob, stamps: asyncpg.Record | None, found: Mapping[UUID | str, Job]
) -> Submitted | Exception:
    if stamps is not None:
        return Submitted(table, new, stamps)
    # the job itself is there when a try whose answer was lost did commit
    there = found.get(new.id) or found.get(new.idempotency_key or "")
    if there is not None:
        return Submitted(table, new, None, there)
    return StaleVersion("The job with this idempotency key was deleted meanwhile.", job_id=new.id, version=0)


def _row(table: JobTable, new: NewJob, stamps: asyncpg.Record) -> dict[str, Any]:
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
        "callback_url": new.callback_url,
        **stamps,
    }


def _shape(t: Transition) -> tuple[Any, ...]:
    return (t.edge, tuple(t.columns), t.note is not None, t.delay is not None, t.attempt_step, bool(t.effects))


def _by_shape(transitions: Iterable[Transition]) -> dict[tuple[Any, ...], list[Transition]]:
    shapes: dict[tuple[Any, ...], list[Transition]] = {}
    for transition in transitions:
        shapes.setdefault(_shape(transition), []).append(transition)
    for members in shapes.values():
        # rows are locked in the order of their ids, so that two groups cannot wait for each other
        members.sort(key=lambda t: t.job_id.bytes)
    return shapes


def _move_arguments(
    members: list[Transition], columns: tuple[str, ...], *, noted: bool, delayed: bool
) -> list[list[Any]]:
    arguments: list[list[Any]] = [
        [t.job_id for t in members],
        [t.version for t in members],
        [t.actor for t in members],
    ]
    if noted:
        arguments.append([t.status_reason[:500] for t in members])
    if delayed:
        arguments.append([t.delay.total_seconds() if t.delay else 0.0 for t in members])
    return arguments + [[t.columns[column] for t in members] for column in columns]


def _moved(members: list[Transition], rows: Sequence[asyncpg.Record]) -> dict[UUID, Moved]:
    versions = {t.job_id: t.version + 1 for t in members}
    return {row[0]: Moved(versions[row[0]], *row[1:]) for row in rows}


async def _settled(
    connection: Connection, table: JobTable, missing: Sequence[Transition]
) -> dict[UUID, Moved]:
    rows = await connection.fetch(
        statements.settled(table),
        [t.job_id for t in missing],
        [t.version for t in missing],
        [t.edge.to_status for t in missing],
        [t.status_reason[:500] for t in missing],
        [t.actor for t in missing],
    )
    return _moved(list(missing), rows)


async def _apply_effects(connection: Connection, effects: Mapping[UUID, tuple[Effect, ...]]) -> None:
    """Writes the extra rows of many jobs, statement by statement in lock order. Raises EffectRefused."""
    pairs = [(effect, job_id) for job_id, of_job in effects.items() for effect in of_job]
    pairs.sort(key=lambda pair: (pair[0].statement.rank, pair[0].statement.name))
    for statement, same in groupby(pairs, key=lambda pair: pair[0].statement):
        rows = [(job_id, *effect.values) for effect, job_id in same]
        accepted = await connection.fetch(statement.sql, *(list(column) for column in zip(*rows, strict=True)))
        if statement.refusable:
            refused = {row[0] for row in rows} - {row[0] for row in accepted}
            if refused:
                raise EffectRefused(job_id=next(iter(refused)), statement=statement.name)


def as_json(value: Any) -> str | None:
    """A JSONB column's value as the text that array statements take."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
