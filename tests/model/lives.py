"""The whole machine: producers, workers, maintenance and time, all at once."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import settings
from hypothesis.stateful import MultipleResults, rule, run_state_machine_as_test

from milepost.storage import Store
from tests.model.asking import Asking
from tests.model.house import House
from tests.model.keeping import Keeping
from tests.model.laws import Reached
from tests.model.stage import RUNS, SOME_JOB, SOME_TEAM, Grip, when
from tests.model.working import Attempts, Working


class Lives(Asking, Working, Keeping):
    """`reached` gathers the edges that were taken, over all examples."""

    def __init__(self, house: House, store: Store, reached: set[Reached]) -> None:
        super().__init__(house, reached)
        self.store = store

    @when(*RUNS)
    @rule(target=Attempts, job=SOME_JOB, team=SOME_TEAM)
    def take_over(self, job: int, team: Sequence[str]) -> Grip | MultipleResults[Grip]:
        """A worker is silent for too long, and another one gets its job: what a late worker needs to be late."""
        life = self.job(job, *RUNS)
        self._end_lease(life)
        self.rescue(self.kinds.index(life.kind))
        return self._claimed(life, team, 0)


def play(house: House, store: Store, reached: set[Reached], profile: settings) -> None:
    """Raises what the first example raised that went otherwise than the model."""

    def lives() -> Lives:
        return Lives(house, store, reached)

    run_state_machine_as_test(lives, settings=profile)  # pyright: ignore[reportArgumentType] - a factory will do
