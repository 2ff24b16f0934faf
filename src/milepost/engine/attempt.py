"""One attempt at a job, and what all attempts of a worker process share."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell
from milepost.domain.errors import Unavailable
from milepost.domain.estimate import Forecast
from milepost.domain.job import Job
from milepost.domain.outcome import Cancelled, Failed, HandedBack, Outcome, TimedOut
from milepost.domain.transition import Effect
from milepost.engine.blame import told
from milepost.engine.context import Context
from milepost.engine.kind import Kind
from milepost.engine.ports import Chance, Databases, Ringer

logger = logging.getLogger("milepost.attempts")

Handler = Callable[[Job, Context], Awaitable[Outcome]]
NOTHING: Mapping[str, Any] = {}
# seconds that a task's end may wait for somebody to ask for it
UNHEARD = 1.0
# `broken`: something of its own that nobody awaits ended the loop, or the worker ends without having been asked to
Stop = Literal["cancel", "timeout", "hand_back", "lost", "broken"]


class Attempt:
    """One claimed job being worked on."""

    __slots__ = (
        "began", "began_at", "bell", "cause", "database", "ending", "fault", "forecast", "handler", "job", "kept", "kind",
        "moving", "renewed", "stopped_at", "stopping", "task", "troubled", "until", "winnable", "worker",
    )  # fmt: skip

    def __init__(
        self, bell: Bell, job: Job, kind: Kind, handler: Handler, database: TenantDatabase, worker: str, began: float
    ) -> None:
        self.bell = bell
        self.job = job
        self.kind = kind
        self.handler = handler
        self.database = database
        self.worker = worker
        self.began = self.renewed = began
        self.began_at = job.claimed_at
        self.until = began + job.row["timeout_seconds"]
        self.stopping: Stop | None = None
        self.cause = ""
        self.stopped_at = 0.0
        self.ending = False
        self.forecast = Forecast()
        self.moving = False
        self.troubled, self.winnable = False, True
        self.fault: Unavailable | None = None
        self.kept: Mapping[str, Any] = {}
        self.task: asyncio.Task[Any] | None = None

    @property
    def lease_seconds(self) -> float:
        return self.kind.policy.lease.length.total_seconds()

    def trouble(self, fault: Unavailable) -> None:
        """A write of the attempt, or the renewal of its lease, failed for the server's fault and is tried again."""
        self.troubled, self.fault = True, fault

    def adopt(self, job: Job) -> None:
        """The same work goes on under a new claim of its job."""
        logger.warning("%s was won back: its worker could not renew the lease, and nobody had begun it", job)
        self.job, self.renewed = job, time.monotonic()

    def stop(self, why: Stop, cause: str = "") -> None:
        """Tells the handler to stop, once. `cause`: what a person is told of `broken`."""
        if self.ending or self.stopping is not None:
            return
        self.stopping, self.cause, self.stopped_at = why, cause, time.monotonic()
        if self.task is not None:
            self.task.cancel(why)

    def stopped(
        self, note: str | None = None, *, columns: Mapping[str, Any] = NOTHING, effects: tuple[Effect, ...] = ()
    ) -> Outcome | None:
        """What being stopped leads to, with what was used. None: the job is lost."""
        columns = {**self.kept, **columns}
        match self.stopping:
            case "cancel":
                return Cancelled(columns, effects, note)
            case "timeout":
                return TimedOut(columns, effects, note)
            case "hand_back":
                return HandedBack(columns, effects, note)
            case "broken":
                return Failed("INTERNAL", self.cause, retry=True, columns=columns, effects=effects)
            case _:
                return None

    def child_ended(self, task: asyncio.Task[Any]) -> None:
        """A task of the handler's is over. What would have ended the process is told, and ends the attempt if unheard."""
        error = None if task.cancelled() else getattr(task, "_exception", None)
        if isinstance(error, SystemExit | KeyboardInterrupt):
            logger.error(
                "a task of the handler of %s raised %s, which ends no worker", self.job, told(error, self.handler)
            )
            task.get_loop().call_later(UNHEARD, self._unheard, task, error)

    def _unheard(self, task: asyncio.Task[Any], error: BaseException) -> None:
        if getattr(task, "_log_traceback", True):  # nobody has asked for its result
            self.stop("broken", f"A task that the handler left running raised {told(error, self.handler)}.")

    def meddled(self, deed: str) -> None:
        logger.error("the handler of %s %s; that is refused", self.job, deed)

    def now(self) -> datetime:
        """The database's time, as far as this process can tell: its clock at the claim, and what has passed since."""
        return self._after(time.monotonic() - self.began)

    def expect(self, progress: int) -> Mapping[str, datetime]:
        """The columns that tell when the attempt will end, judged by all its progress; none where that is as before."""
        before = self.forecast
        self.forecast = now = before.heard(time.monotonic() - self.began, progress / 100)
        if now.expected is None or now.promised is None or now.expected == before.expected:
            return {}
        return {"expected_at": self._after(now.expected), "promised_at": self._after(now.promised)}

    def _after(self, seconds: float) -> datetime:
        assert self.began_at is not None
        return self.began_at + timedelta(seconds=seconds)


class Claimed(NamedTuple):
    """What became of a group of bells."""

    attempts: list[Attempt]
    gone: list[Bell]
    later: list[tuple[Bell, datetime]]


@dataclass(frozen=True, slots=True)
class Workshop:
    """What all attempts of a process share. `ports` are the outside services that handlers ask for by name."""

    worker: str
    handlers: Mapping[str, Handler]
    kinds: Mapping[str, Kind]
    databases: Databases
    ringer: Ringer
    chance: Chance
    ports: Mapping[str, Any]
