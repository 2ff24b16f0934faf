"""One attempt at a job, and what all attempts of a worker process share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell
from milepost.domain.estimate import Forecast
from milepost.domain.job import Job
from milepost.domain.outcome import Cancelled, HandedBack, Outcome, TimedOut
from milepost.engine.context import Context
from milepost.engine.kind import Kind
from milepost.engine.ports import Chance, Databases, Ringer

Handler = Callable[[Job, Context], Awaitable[Outcome]]
Stop = Literal["cancel", "timeout", "hand_back", "lost"]
OUTCOMES: Mapping[str, Outcome] = {"cancel": Cancelled(), "timeout": TimedOut(), "hand_back": HandedBack()}


class Attempt:
    """One claimed job being worked on."""

    __slots__ = (
        "began", "bell", "database", "ending", "forecast", "job", "kept", "kind", "moving", "renewed", "stopped_at", "stopping",
        "task", "until", "worker",
    )  # fmt: skip

    def __init__(self, bell: Bell, job: Job, kind: Kind, database: TenantDatabase, worker: str, began: float) -> None:
        self.bell = bell
        self.job = job
        self.kind = kind
        self.database = database
        self.worker = worker
        self.began = began
        self.renewed = began
        self.until = began + job.row["timeout_seconds"]
        self.stopping: Stop | None = None
        self.stopped_at = 0.0
        self.ending = False
        self.forecast = Forecast()
        self.moving = False
        self.kept: Mapping[str, Any] = {}
        self.task: asyncio.Task[Any] | None = None

    def stopped(self) -> Outcome | None:
        """What being stopped leads to; without a reason of ours the process is leaving. None: the job is lost."""
        outcome = OUTCOMES.get(self.stopping or "hand_back")
        return replace(outcome, columns=self.kept) if outcome is not None and self.kept else outcome

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
        claimed_at = self.job.claimed_at
        assert claimed_at is not None
        return claimed_at + timedelta(seconds=seconds)


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
