"""What workers do: claim, beat, tell progress, and end attempts in every way; also when they have lost the job."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import MultipleResults, consumes, multiple, precondition, rule

from milepost.domain.machine import Phase
from milepost.domain.outcome import Again, Cancelled, Done, Failed, Outcome
from milepost.engine.context import Context
from tests.kinds.conftest import result
from tests.model.house import TEAMS, Hold, Order
from tests.model.model import Model
from tests.model.stage import SOME_JOB, SOME_TEAM, WAITS, Grip, Life, Stage, when

Attempts = Stage.attempts
LONG = timedelta(hours=1)
OUTCOMES = {
    "fails for good": Failed("BROKEN", "It is broken."),
    "fails for now": Failed("AWAY", "It is away.", retry=True),
    "fails for an hour": Failed("AWAY", "It is away.", retry=True, wait=LONG),
    "snoozes": Again(LONG, "BUSY", "It is busy."),
    "gives in": Cancelled(),
}
ENDS = [*OUTCOMES, "succeeds", "succeeds otherwise", "raises", "runs out"]
SUCCEEDED = Phase.SUCCEEDED


def returning(outcome: Outcome) -> Order:
    async def order(_: Context) -> Outcome:
        return outcome

    return order


async def raising(_: Context) -> Outcome:
    raise RuntimeError


class Working(Stage):
    @when(*WAITS)
    @rule(
        target=Attempts,
        job=SOME_JOB,
        team=SOME_TEAM,
        back=st.sampled_from([0, 0, 0, 1, 2]),
    )
    def claim(self, job: int, team: Sequence[str], back: int) -> Grip | MultipleResults[Grip]:
        """By a bell that may be late, and that two workers may have."""
        return self._claimed(self.job(job, *WAITS), team, back)

    @when(*WAITS)
    @rule(target=Attempts, job=SOME_JOB)
    def claim_at_once(self, job: int) -> Grip | MultipleResults[Grip]:
        """By the newest bell, which both of a pair have."""
        return self._claimed(self.job(job, *WAITS), TEAMS[-1], 0)

    def _claimed(self, life: Life, team: Sequence[str], back: int) -> Grip | MultipleResults[Grip]:
        bell = life.bell(back)

        async def all_at_once() -> list[Hold]:
            holds = await asyncio.gather(*(self.house.claim(worker, bell) for worker in team))
            return [hold for hold in holds if hold is not None]

        holds = self.house.run(all_at_once())
        winner = holds[0].worker if holds else team[0]
        granted = life.model is not None and life.model.claim(bell.version, winner)
        assert len(holds) == granted, f"{len(holds)} workers got the job at version {bell.version}"
        self.grips += [Grip(life, hold) for hold in holds]
        return self.grips[-1] if holds else multiple()

    @rule(attempt=Attempts, percent=st.integers(0, 100))
    def progress(self, attempt: Grip, percent: int) -> None:
        if attempt.hold.over:
            return

        async def order(context: Context) -> None:
            await context.progress(percent, "told")

        model = attempt.model
        self.house.run(attempt.hold.tell(order))
        assert attempt.hold.over == (model is None), "who lost the job is told when it writes"
        if model is not None:
            model.progress = max(model.progress, percent)

    @rule(attempt=consumes(Attempts), how=st.sampled_from(ENDS))
    def end(self, attempt: Grip, how: str) -> None:
        """The handler is done, or its time is."""
        model = attempt.model
        if attempt.hold.over:
            return
        counts = attempt.hold.desk.counts
        refused = counts["rejected"]
        self.house.run(self._tick(attempt) if how == "runs out" else attempt.hold.finish(self._order(attempt, how)))
        if attempt.life.model is not None:
            assert counts["rejected"] - refused == (model is None), "a late result is counted as rejected"
        if model is not None:
            self._count(model, how)

    def _order(self, attempt: Grip, how: str) -> Order:
        if how == "raises":
            return raising
        if how in OUTCOMES:
            return returning(OUTCOMES[how])
        kind = attempt.life.kind
        reasons = sorted(
            {edge.reason for edge in kind.machine.edges if kind.machine.phase(edge.to_status) is SUCCEEDED}
        )
        return returning(Done(result(kind), reason=reasons[how == "succeeds otherwise" and len(reasons) - 1]))

    async def _tick(self, attempt: Grip) -> None:
        """The attempt runs longer than it may, and its worker sees it."""
        attempt.hold.attempt.until = 0.0
        attempt.hold.desk.tick()
        assert attempt.hold.task is not None
        await attempt.hold.task

    def _count(self, model: Model, how: str) -> None:
        machine = model.machine
        again = how in {"fails for now", "fails for an hour", "raises", "snoozes"}
        due, free = how not in {"fails for an hour", "snoozes"}, how == "snoozes"
        success = machine.statuses(SUCCEEDED)[0]
        ends = {"succeeds": success, "succeeds otherwise": success, "gives in": machine.cancelled}
        ends["runs out"] = machine.timed_out
        model.end(ends.get(how, machine.failed), again=again, due=due, free=free)

    @precondition(lambda self: any(not grip.hold.over for grip in self.grips))
    @rule(team=SOME_TEAM, leaves=st.sampled_from([False, False, True]))
    def beat(self, team: Sequence[str], *, leaves: bool) -> None:
        """Leases are renewed; who was asked to stop stops, who lost the job drops it. Or: all is handed back."""
        held = [(grip, grip.model) for grip in self.held_by(team)]

        async def beat() -> None:
            for worker in team:
                desk = self.house.desks[worker]
                await (desk.hand_back() if leaves else desk.beat())
            stopped = [grip.hold.task for grip, _ in held if grip.hold.task and grip.hold.attempt.stopping is not None]
            await asyncio.gather(*stopped)

        self.house.run(beat())
        for grip, model in held:
            assert grip.hold.over == (leaves or model is None or model.asked)
            if model is not None and grip.hold.over:
                model.end(model.machine.failed, again=True, free=True)
            elif model is not None:
                model.lease_over = False
