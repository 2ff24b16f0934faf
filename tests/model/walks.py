"""Walks by hand through the same rules: between them they take every edge of a kind's machine, whatever chance does."""

from __future__ import annotations

from tests.model.lives import Lives
from tests.model.stage import FITTING, Grip

# Each begins with a new job, and a worker that claims it where one is to run it. The words are those of the rules.
WAITING = (
    "cancel, retry",
    "pass_time deadline, maintain overdue",
    "pass_time suspended, maintain end_inactive",
    "pass_time deleted, maintain end_inactive",
    "pass_time age, cancel, pass_time age, maintain prune",
)
RUNNING = (
    "end succeeds",
    "end succeeds otherwise",
    "end fails for good, retry",
    "end fails for now",
    "end snoozes, pass_time due, claim, end gives in",
    "end raises, claim, end raises, claim, end raises",
    "end runs out",
    "leave",
    "cancel, beat",
    "cancel, end_lease, rescue",
    "end_lease, rescue, claim, end_lease, rescue, claim, end_lease, rescue",
    "pass_time deadline, maintain overdue",
    "pass_time deadline, end_lease, rescue",
    "pass_time deleted, maintain end_inactive, beat",
)


class Walker:
    """Takes one new job of one kind along."""

    def __init__(self, state: Lives, kind: int) -> None:
        self._state = state
        self._kind = kind
        state.submit(kind=kind, key=None, most=3, later=False, twice=False)
        # the newest, named by a number that means any job and not one that fits
        self._job = FITTING + (len(state.lives) - 1 - FITTING) % len(state.lives)
        self._attempt: Grip | None = None

    def walk(self, steps: str) -> None:
        """After every step every law is looked at."""
        for step in steps.split(", "):
            verb, _, how = step.partition(" ")
            self._take(verb, how)
            self._state.every_law_holds()

    def _take(self, verb: str, how: str) -> None:
        state, job = self._state, self._job
        match verb:
            case "claim":
                taken = state.claim(job=job, team=("w1",), back=0)
                assert isinstance(taken, Grip)
                self._attempt = taken
            case "end":
                assert self._attempt is not None
                state.end(attempt=self._attempt, how=how)
            case "beat" | "leave":
                state.beat(team=("w1",), leaves=verb == "leave")
            case "cancel" | "retry":
                getattr(state, verb)(job=job, guess=None)
            case "pass_time":
                state.pass_time(job=job, what=how)
            case "maintain":
                state.maintain(kind=self._kind, what=how)
            case "rescue":
                state.rescue(kind=self._kind)
            case _:
                state.end_lease(job=job)


def walk_everywhere(state: Lives, kind: int) -> None:
    for steps in WAITING:
        Walker(state, kind).walk(steps)
    for steps in RUNNING:
        Walker(state, kind).walk(f"claim, {steps}")
