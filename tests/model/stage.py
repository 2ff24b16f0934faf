"""What all rules share: the jobs and attempts of one example, each with its model, and the check after every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition

from milepost.domain.bell import Bell
from milepost.domain.machine import Phase
from milepost.engine.kind import Kind
from tests.model import laws
from tests.model.house import TEAMS, TENANT, Hold, House
from tests.model.laws import Reached
from tests.model.model import Model

T = TypeVar("T")
SOME_KIND = st.integers(0, 7)
SOME_JOB = st.integers(0, 15)
SOME_TEAM = st.sampled_from(TEAMS)
MAINTENANCE = "maintenance:m1"
PRODUCER = "key:test"


@dataclass(eq=False)
class Life:
    """One job: what was asked for, and what should have become of it. `model` is None once it was pruned."""

    kind: Kind
    id: UUID
    user_id: UUID
    key: str | None
    request: Any
    model: Model | None
    aged: bool = False

    def bell(self, back: int = 0) -> Bell:
        """Of the job as it is, or as it was some versions ago."""
        version = self.model.version if self.model else 1
        return Bell(TENANT, self.kind.name, self.id, max(1, version - back), self.request.priority)


@dataclass(eq=False)
class Grip:
    """One attempt at a job, in the hands of a worker that may have lost it."""

    life: Life
    hold: Hold

    @property
    def model(self) -> Model | None:
        """None: the job is not this attempt's any more, and nothing that it writes may count."""
        model = self.life.model
        return model if model is not None and model.holder == (self.hold.worker, self.hold.version) else None


WAITS, RUNS = (Phase.QUEUED,), (Phase.RUNNING,)
ENDED = (Phase.FAILED, Phase.CANCELLED, Phase.SUCCEEDED)
# of sixteen choices so many take a job that fits, the others any
FITTING = 12


def when(*phases: Phase, **facts: bool) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """A precondition: there is a job in one of the phases, or one of which the model says so."""
    return precondition(lambda stage: any(stage.fits(life, *phases, **facts) for life in stage.lives.values()))


class Every:
    """All rules, always. Hypothesis leaves out a random part of them in each example; a life needs most of them."""

    def is_enabled(self, _: str) -> bool:
        return True


class Stage(RuleBasedStateMachine):
    """An empty house, and nothing in the model."""

    attempts = Bundle("attempts")

    def __init__(self, house: House, reached: set[Reached]) -> None:
        super().__init__()
        self._rules_strategy.enabled_rules_strategy = st.just(Every())  # type: ignore[assignment]
        self.house = house
        self.kinds = sorted(house.kinds.values(), key=lambda kind: kind.name)
        self.reached = reached
        self.lives: dict[UUID, Life] = {}
        self.grips: list[Grip] = []
        self.taken: dict[tuple[str, UUID, str], Life] = {}
        self.fates: dict[UUID, str] = {}
        self.law = laws.sql(self.kinds)
        house.run(house.clear())
        self.audit_before = house.run(house.owner.fetchval("SELECT coalesce(max(id), 0) FROM audit_logs"))

    def kind(self, number: int) -> Kind:
        return self.kinds[number % len(self.kinds)]

    def fits(self, life: Life, *phases: Phase, **facts: bool) -> bool:
        """Whether the job is there, in one of the phases, and all that is said holds of its model."""
        model = life.model
        if model is None or (phases and model.machine.phase(model.status) not in phases):
            return False
        return all(getattr(model, name) == value for name, value in facts.items())

    def job(self, number: int, *phases: Phase) -> Life:
        """Any job by number; most numbers mean one in the phases, if there is one."""
        fitting = [life for life in self.lives.values() if self.fits(life, *phases)]
        among = fitting if fitting and number < FITTING else list(self.lives.values())
        life = among[number % len(among)]
        if currently_in_test_context():
            note(f"# job {number} is number {list(self.lives).index(life.id)}, {life.kind.name}, {life.model}")
        return life

    def living(self, kind: Kind) -> list[tuple[Life, Model]]:
        return [(life, life.model) for life in self.lives.values() if life.kind is kind and life.model is not None]

    def held_by(self, team: Sequence[str]) -> list[Grip]:
        return [grip for grip in self.grips if grip.hold.worker in team and not grip.hold.over]

    @invariant()
    def every_law_holds(self) -> None:
        ids, kinds = list(self.lives), [life.kind.name for life in self.lives.values()]
        rows = self.house.run(self.house.owner.fetch(self.law, self.audit_before, ids, kinds))
        assert {row["id"] for row in rows} == set(ids), "there are jobs that nobody submitted"
        for row in rows:
            life = self.lives[row["id"]]
            wrong = list(laws.broken(life.kind, life.model, row))
            assert not wrong, f"{life.kind.name} {life.id}: {'; '.join(wrong)}"
            self.reached.update(laws.taken(row))

    def teardown(self) -> None:
        self.house.run(self.house.clear())
