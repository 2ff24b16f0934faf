"""What time, people and maintenance do: leases end, deadlines pass, users leave, and every sweep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from milepost.engine.inactive import end_inactive
from milepost.engine.kind import Kind
from milepost.engine.overdue import overdue
from milepost.engine.prune import prune_jobs
from milepost.engine.reconcile import Reconcile
from milepost.engine.rescue import rescue
from milepost.storage import Store
from tests.model.model import Model
from tests.model.stage import ENDED, MAINTENANCE, RUNS, SOME_JOB, SOME_KIND, WAITS, Life, Stage, when

PAST = "now() - interval '1 second'"
LONG_AGO = "now() - interval '90 days'"
COMING = {
    "deadline": ((*WAITS, *RUNS), f"deadline_at = {PAST}"),
    "due": (WAITS, f"scheduled_at = {PAST}"),
    "age": (ENDED, f"created_at = {LONG_AGO}, finished_at = {LONG_AGO}"),
}


def rescued(model: Model) -> bool:
    end = model.machine.timed_out if model.overdue else model.machine.failed
    return model.lease_over and model.end(end, again=not model.overdue)


def timed_out(model: Model) -> bool:
    alive = bool(model.holder) or model.status == model.machine.queued
    return alive and model.overdue and not model.asked and model.go(model.machine.timed_out)


class Keeping(Stage):
    store: Store

    @when(*RUNS)
    @rule(job=SOME_JOB)
    def end_lease(self, job: int) -> None:
        """The worker was silent for as long as a lease lasts."""
        self._end_lease(self.job(job, *RUNS))

    def _end_lease(self, life: Life) -> None:
        if life.model is not None and life.model.holder:
            self._alter(life, f"lease_expires_at = {PAST}")
            life.model.lease_over = True

    @rule(job=SOME_JOB, what=st.sampled_from([*COMING, "suspended", "deleted"]))
    def pass_time(self, job: int, what: str) -> None:
        """What else only time or people bring about."""
        if what not in COMING:
            self._lose_owner(self.job(job, *WAITS, *RUNS), what)
            return
        phases, changes = COMING[what]
        life = self.job(job, *phases)
        if life.model is None or not self.fits(life, *phases):
            return
        self._alter(life, changes)
        life.aged |= what == "age"
        life.model.due |= what == "due"
        life.model.overdue |= what == "deadline"

    def _lose_owner(self, life: Life, fate: str) -> None:
        gone = "now()" if fate == "deleted" else "NULL"
        change = f"UPDATE users SET status = $2, deleted_at = {gone} WHERE id = $1"
        self.house.run(self.house.owner.execute(change, life.user_id, fate))
        self.fates[life.user_id] = fate
        for other in self.lives.values():
            if other.user_id == life.user_id and other.model is not None:
                other.model.owner = fate

    @when(lease_over=True)
    @rule(kind=SOME_KIND)
    def rescue(self, kind: int) -> None:
        self._swept(kind, rescue, rescued)

    @rule(kind=SOME_KIND, what=st.sampled_from(["overdue", "end_inactive", "reconcile", "prune"]))
    def maintain(self, kind: int, what: str) -> None:
        if what == "overdue":
            self._swept(kind, overdue, timed_out)
        elif what == "end_inactive":
            self._swept(kind, end_inactive, Model.dismiss)
        elif what == "reconcile":
            self._reconcile(self.kind(kind), forgotten=kind < len(self.kinds))
        else:
            self._prune(self.kind(kind))

    def _reconcile(self, kind: Kind, *, forgotten: bool) -> None:
        """Afterwards Redis knows every job that could be claimed, whatever it forgot."""
        house = self.house
        if forgotten:
            house.run(house.forget_bells())
        house.run(Reconcile(house.databases["maintenance"], kind, house.doorbell).tick())
        bells = [life.bell() for life, m in self.living(kind) if m.status == m.machine.queued and m.due]
        assert all(house.run(house.doorbell.known(bells)) if bells else [])

    def _prune(self, kind: Kind) -> None:
        due = [life for life, m in self.living(kind) if life.aged and m.machine.terminal(m.status)]
        database = self.house.databases["maintenance"]
        pruned = self.house.run(prune_jobs(database, kind, self.store, actor=MAINTENANCE))
        assert pruned == (len(due) if kind.policy.retention else 0)
        for life in due:
            life.model = None

    def _swept(self, kind: int, sweep: Any, expected: Callable[[Model], bool]) -> None:
        chosen, database = self.kind(kind), self.house.databases["maintenance"]
        settled = self.house.run(sweep(database, chosen, self.house.doorbell, actor=MAINTENANCE))
        assert settled == sum(expected(model) for _, model in self.living(chosen))

    def _alter(self, life: Life, changes: str) -> None:
        self.house.run(self.house.alter(life.kind, life.id, changes))
