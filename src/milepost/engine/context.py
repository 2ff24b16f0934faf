"""What a handler is given beside its job: progress, columns, long states, cancellation, ports, log."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from milepost.db.misfits import misfit
from milepost.domain import decide
from milepost.domain.errors import StaleVersion, ValueRefused
from milepost.domain.job import Job
from milepost.domain.transition import Transition
from milepost.engine.holding import holding
from milepost.engine.read_job import read_job
from milepost.engine.returned import unwritable
from milepost.engine.transit import transit
from milepost.engine.winning import win_back

if TYPE_CHECKING:
    from milepost.engine.attempt import Attempt

log = logging.getLogger("milepost.handler")
TELL_SECONDS = 1.0


class Context:
    """Of one attempt. Every write is fenced by the attempt's version; a lost job ends the handler.

    While the database is at fault `note` and `move` wait for it, as long as the attempt's own time lasts; then they raise
    Unavailable.
    """

    __slots__ = ("_attempt", "ports")

    def __init__(self, attempt: Attempt, ports: Mapping[str, Any]) -> None:
        self._attempt = attempt
        self.ports = ports

    @property
    def tenant(self) -> str:
        """The name below which the tenant's files lie."""
        return self._attempt.database.name

    @property
    def database(self) -> Any:
        """The tenant's database, for reads that belong to the kind."""
        return self._attempt.database

    @property
    def job(self) -> Job:
        """The job as this attempt last knew it."""
        return self._attempt.job

    @property
    def cancel_requested(self) -> bool:
        return self._attempt.stopping == "cancel"

    def keep(self, columns: Mapping[str, Any]) -> None:
        """Columns to be written with whatever ends this attempt without the handler's word: stop, time-out, exception.

        Raises ValueRefused.
        """
        self._attempt.kept = self._checked(columns)

    @property
    def log(self) -> logging.LoggerAdapter[Any]:
        job = self._attempt.job
        return logging.LoggerAdapter(log, {"kind": job.kind, "job_id": str(job.id), "attempt": job.attempt})

    @property
    def idempotency_key(self) -> str:
        """The same for every automatic attempt; another one after an explicit retry, which sets a new deadline."""
        job = self._attempt.job
        return hashlib.sha256(f"{job.id}/{job.deadline_at.isoformat()}".encode()).hexdigest()

    async def progress(self, percent: float, stage: str | None = None) -> None:
        """0 to 100. Within an attempt it only rises; a lower figure leaves it as it is. Raises as `note` does."""
        columns: dict[str, Any] = {"progress": max(0, min(100, int(percent)))}
        if stage is not None:
            columns["stage"] = stage[:64]
        await self.tell(columns)

    async def tell(self, columns: Mapping[str, Any]) -> None:
        """The same as `note` where nothing rests on it: nothing is written, and nobody waits, while the database is at fault."""
        attempt = self._attempt
        if attempt.fault is not None:  # until a heartbeat hears that it is well
            return
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self.note(columns)
        except TimeoutError:
            fault = attempt.fault or attempt.database.connections.trouble
            if fault is None:
                await self.note(columns)  # it is only busy
            else:
                attempt.trouble(fault)

    async def note(self, columns: Mapping[str, Any]) -> None:
        """Writes columns of the job without a transition; with progress, when the attempt is expected to end.

        Raises ValueRefused for what is no column of the kind's or does not fit it, RowRefused for what its table refuses.
        """
        columns = self._checked(columns)
        attempt = self._attempt_at_work()
        if "progress" in columns:
            columns = {**columns, **attempt.expect(columns["progress"])}
        while not await holding(attempt, partial(self._note, columns), until=attempt.until):
            if not await win_back(attempt):
                self._lost()

    def _note(self, columns: Mapping[str, Any]) -> Awaitable[bool]:
        attempt = self._attempt
        return attempt.database.ledger.note(
            attempt.kind.table, attempt.job.id, attempt.job.version, attempt.worker, columns
        )

    async def move(self, to_status: str, *, reason: str = "advanced", columns: Mapping[str, Any] | None = None) -> None:
        """Goes on to the next running status of the kind, keeping the lease. Raises IllegalTransition, and as `note` does."""
        columns = self._checked(columns or {})
        attempt = self._attempt_at_work()
        wanted = decide.advance(
            attempt.kind.machine, attempt.job, to_status,
            actor=f"worker:{attempt.worker}", reason=reason, columns=columns,
        )  # fmt: skip
        attempt.moving = True  # a heartbeat that misses the old version must not take the job for lost
        try:
            await holding(attempt, partial(self._step, wanted), until=attempt.until)
        except StaleVersion:
            self._lost()
        finally:
            attempt.moving = False

    async def _step(self, wanted: Transition) -> None:
        attempt = self._attempt
        try:
            await transit(attempt.database, attempt.kind, attempt.job, wanted)
        except StaleVersion:
            # an earlier try may have been committed, and its answer lost
            if not attempt.troubled or await attempt.database.ledger.made(attempt.kind.table, wanted) is None:
                raise
        attempt.job = await read_job(attempt.database, attempt.kind.table, attempt.job.id)

    def _checked(self, columns: Mapping[str, Any]) -> Mapping[str, Any]:
        """A copy, which nobody changes any more. Raises ValueRefused."""
        table, given = self._attempt.kind.table, dict(columns)
        fault = unwritable(table, given.keys()) or misfit(table, given)
        if fault is not None:
            raise ValueRefused(detail=fault)
        return given

    def _attempt_at_work(self) -> Attempt:
        """What a handler left behind ends here when its attempt does."""
        if self._attempt.ending:
            raise asyncio.CancelledError("the attempt is over")
        return self._attempt

    def _lost(self) -> None:
        self._attempt.stopping = self._attempt.stopping or "lost"
        raise asyncio.CancelledError("the job is no longer this worker's")
