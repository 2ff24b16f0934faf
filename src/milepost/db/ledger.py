"""Submit, claim, move, beat, note: the one door to a job's status. Concurrent calls share array statements."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from milepost.db import faults
from milepost.db.connections import Connections
from milepost.db.group_commit import GroupCommit, isolate
from milepost.db.holds import Beat, Claims, Note, beat_work, cancel_work, claim_work, merged, note_work
from milepost.db.job_table import JobTable
from milepost.db.misfits import misfit
from milepost.db.moves import Moved, Shape, by_shape, made_work, move_work, newest
from milepost.db.submits import Check, NewJob, Submitted, anything, submit_work
from milepost.domain.errors import EffectRefused, MilepostError, RowRefused, StaleVersion, Unavailable, ValueRefused
from milepost.domain.transition import Transition

# large enough that the fixed cost of a statement and of its commit vanishes
MAX_GROUP = 500
# ten thousand rows in one transaction take their time on a busy server
BATCH_SECONDS = 30.0
T = TypeVar("T")
R = TypeVar("R")


class RowError(Exception):
    """A group failed because of a row in it."""


class Ledger:
    """Of one tenant. Every method commits on its own; Unavailable is raised when the database does not answer."""

    def __init__(self, connections: Connections, *, lanes: int = 2) -> None:
        self._connections = connections
        self._lanes = lanes
        self._submits: dict[JobTable, GroupCommit[NewJob, Submitted]] = {}
        self._moves: dict[JobTable, GroupCommit[Transition, Moved]] = {}
        self._notes: dict[JobTable, GroupCommit[Note, bool]] = {}

    async def submit(self, table: JobTable, new: NewJob) -> Submitted:
        """Inserts one job with its effects, or answers the job that has its idempotency key already.

        Raises RowRefused or EffectRefused; then nothing was written.
        """
        group = self._submits.get(table)
        if group is None:
            group = self._submits[table] = self._grouped(partial(self._submit, table))
        return await group.put(new)

    async def submit_all(self, table: JobTable, new: Sequence[NewJob], check: Check = anything) -> list[Submitted]:
        """All of them in one transaction, or none. Raises RowRefused or EffectRefused for the batch.

        Raises StaleVersion where a job that has one of the idempotency keys is deleted at this moment, and what `check`
        raises before the commit.
        """
        try:
            answers = await self._guarded(
                self._connections.run(submit_work(table, new, whole=check), limit=BATCH_SECONDS)
            )
        except RowError as error:
            raise self._told(error) from error.__cause__
        return [answer for answer in answers if isinstance(answer, Submitted)]

    async def claim(
        self, table: JobTable, wanted: Sequence[tuple[UUID, int]], worker: str, lease_seconds: float
    ) -> Claims:
        """Takes the jobs that are still queued at the wanted version and due, in one statement.

        A member that the database refuses is in no part of the answer, and costs the others nothing but time.
        """

        async def take(part: Sequence[tuple[UUID, int]]) -> list[Claims | Exception]:
            claiming = self._connections.run_doubting(claim_work(table, part, worker, lease_seconds))
            return [await self._guarded(claiming)]

        parts = await isolate(wanted, take, RowError)
        if failed := [part for part in parts if isinstance(part, RowError)]:
            self._raise_the_servers(failed, of=len(parts))
        return parts[0] if len(parts) == 1 and isinstance(parts[0], Claims) else merged(parts)

    def move(self, table: JobTable, transition: Transition) -> Awaitable[Moved]:
        """Makes one transition with its effects. Awaiting raises StaleVersion, EffectRefused or RowRefused: nothing happened.

        Not a coroutine, because one is awaited for every step of every job.
        """
        if transition.columns and (wrong := misfit(table, transition.columns)) is not None:
            return _refused(wrong)
        group = self._moves.get(table)
        if group is None:
            group = self._moves[table] = self._grouped(partial(self._move_each, table))
        return group.put(transition)

    async def move_all(self, table: JobTable, transitions: Sequence[Transition]) -> list[Moved | Exception]:
        """Each on its own, grouped; for maintenance, which takes what it gets.

        Every shape of transition is a commit of its own and is retried and split on its own: what one shape did is
        not forgotten when another has to be done again.
        """
        tried = newest(transitions)
        answers: dict[UUID, Moved | Exception] = {}
        for shape, members in by_shape(tried.values()).items():
            moved = await self._each(partial(self._move, table, shape), members)
            answers |= zip((t.job_id for t in members), moved, strict=True)
        return [
            answers[t.job_id] if tried[t.job_id] is t else StaleVersion(job_id=t.job_id, version=t.version)
            for t in transitions
        ]

    async def made(self, table: JobTable, transition: Transition) -> Moved | None:
        """Whether a transition of unknown fate was made after all: it stands in the history as it was wanted."""
        return await self._connections.run(made_work(table, transition))

    async def note(self, table: JobTable, job_id: UUID, version: int, worker: str, columns: Mapping[str, Any]) -> bool:
        """Writes columns of a running job without a transition. False: the job is no longer this worker's.

        Raises RowRefused.
        """
        if (wrong := misfit(table, columns)) is not None:
            raise ValueRefused(detail=wrong)
        group = self._notes.get(table)
        if group is None:
            group = self._notes[table] = self._grouped(partial(self._note, table))
        return await group.put(Note(job_id, version, worker, columns))

    async def beat(
        self, table: JobTable, held: Sequence[tuple[UUID, int]], worker: str, lease_seconds: float
    ) -> list[Beat]:
        """Renews the leases of all held jobs. A job that is not in the answer is lost."""
        return await self._connections.run(beat_work(table, held, worker, lease_seconds))

    async def request_cancel(self, table: JobTable, job_id: UUID, version: int, actor: str) -> bool:
        """Asks a running job to stop, with an audit row. False: already asked, or no longer at that version."""
        return await self._connections.run(cancel_work(table, job_id, version, actor))

    async def _submit(self, table: JobTable, new: Sequence[NewJob]) -> list[Submitted | Exception]:
        return await self._guarded(self._connections.run(submit_work(table, new)))

    async def _move(self, table: JobTable, shape: Shape, members: Sequence[Transition]) -> list[Moved | Exception]:
        return await self._guarded(self._connections.run_doubting(move_work(table, shape, list(members))))

    async def _move_each(self, table: JobTable, transitions: Sequence[Transition]) -> list[Moved | Exception]:
        return await self._guarded(self.move_all(table, transitions))

    async def _note(self, table: JobTable, notes: Sequence[Note]) -> list[bool | Exception]:
        return await self._guarded(self._connections.run(note_work(table, notes)))

    def _grouped(self, run: Callable[[Sequence[T]], Awaitable[list[R | Exception]]]) -> GroupCommit[T, R]:
        return GroupCommit(partial(self._each, run), max_size=MAX_GROUP, lanes=self._lanes)

    async def _each(
        self, run: Callable[[Sequence[T]], Awaitable[list[R | Exception]]], items: Sequence[T]
    ) -> list[R | Exception]:
        """One answer per item; a group that one row spoils is split until that row fails alone."""
        answers = await isolate(items, run, RowError)
        return [self._told(answer) if isinstance(answer, RowError) else answer for answer in answers]

    async def _guarded(self, running: Awaitable[T]) -> T:
        """Turns whatever one row of a group may have done wrong into RowError, so that the group is split."""
        try:
            return await running
        except EffectRefused as error:
            raise RowError from error
        except MilepostError:
            raise
        except Exception as error:
            fault = self._connections.fault_of(error)
            if fault is not None and not faults.may_be_of_one_row(error):
                raise fault from error
            raise RowError from error

    def _raise_the_servers(self, failed: Sequence[RowError], *, of: int) -> None:
        """Raises Unavailable where nothing succeeded: what is dropped then would be dropped for the server's fault."""
        told = self._told(failed[0])
        if len(failed) == of and isinstance(told, Unavailable):
            raise told from failed[0].__cause__

    def _told(self, error: RowError) -> Exception:
        """What the caller sees: what was wrong with its own row, not that a group was split for it."""
        cause = error.__cause__
        assert isinstance(cause, Exception)
        if isinstance(cause, EffectRefused):
            return cause
        if (fault := self._connections.fault_of(cause)) is not None:
            return fault
        detail = getattr(cause, "constraint_name", None) or type(cause).__name__
        return RowRefused(job_id="", detail=detail, sqlstate=getattr(cause, "sqlstate", None))


def _refused(wrong: str) -> Awaitable[Moved]:
    refused: asyncio.Future[Moved] = asyncio.get_running_loop().create_future()
    refused.set_exception(ValueRefused(detail=wrong))
    return refused
