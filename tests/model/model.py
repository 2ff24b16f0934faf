"""What must become of a job, told a second time and from outside: no clock, no lock, no SQL, and nothing of `decide`.

Not all of it is here: which attempt ends how, which end is tried again and when is said in `working`; whom a sweep is to
find, and what becomes of it, in `keeping`. Which edges are legal is not told twice: `laws` asks `machine.edges`, as the
product does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from milepost.domain.machine import Phase, StateMachine

BEGUN = {"image_task": 1}  # the progress that a claim brings, where it is not 0


@dataclass(eq=False)
class Model:
    machine: StateMachine = field(repr=False)
    max_attempts: int
    due: bool
    status: str = ""
    version: int = 0
    attempt: int = 0
    progress: int = 0
    holder: Any = None  # the worker, and the version that it claimed
    lease_over: bool = False
    overdue: bool = False
    begun: bool = False
    asked: bool = False
    owner: str = "active"

    def go(self, status: str) -> bool:
        self.status, self.version, self.holder, self.lease_over = status, self.version + 1, None, False
        self.progress = {Phase.QUEUED: 0, Phase.SUCCEEDED: 100}.get(self.machine.phase(status), self.progress)
        self.asked |= status == self.machine.cancelled
        return True

    def claim(self, version: int, worker: str) -> bool:
        if (self.status, self.version, self.due, self.overdue) != (self.machine.queued, version, True, False):
            return False
        self.go(self.machine.running)
        self.begun = True
        self.attempt, self.progress, self.holder = self.attempt + 1, BEGUN.get(self.machine.kind, 0), (worker, version)
        return True

    def end(self, status: str, *, again: bool = False, due: bool = True, free: bool = False) -> bool:
        if self.asked and self.machine.phase(status) is not Phase.SUCCEEDED:
            return self.go(self.machine.cancelled)
        if not again or (self.attempt == self.max_attempts and not free):
            return self.go(status)
        self.due, self.attempt = due, self.attempt - free
        return self.go(self.machine.queued)

    def retry(self) -> bool:
        self.due |= self.begun  # whoever never began keeps the time it was made for
        self.attempt, self.begun, self.asked, self.overdue = 0, False, False, False
        return self.go(self.machine.queued)

    def dismiss(self) -> bool:
        if self.status == self.machine.queued and self.owner != "active":
            return self.go(self.machine.cancelled if self.owner == "deleted" else self.machine.failed)
        asks = self.holder is not None and self.owner == "deleted" and not self.asked
        self.asked |= asks
        return asks
