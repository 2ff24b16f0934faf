"""A job lives as the model says, whatever producers, workers, time and maintenance do, and takes every edge there is."""

from __future__ import annotations

import pytest

from milepost.kinds import all_kinds
from milepost.storage import Store
from tests.model.house import House
from tests.model.laws import Reached, all_edges
from tests.model.lives import Lives, play
from tests.model.profiles import PROFILE, WANTED
from tests.model.walks import walk_everywhere

EDGES = frozenset[Reached]().union(*(all_edges(kind) for kind in all_kinds()))


@pytest.mark.slow
def test_walks_through_the_rules_take_every_edge_of_every_machine(house: House, store: Store) -> None:
    reached = set[Reached]()
    for number in range(len(house.kinds)):
        state = Lives(house, store, reached)
        walk_everywhere(state, number)
        state.teardown()

    assert EDGES - reached == set()


@pytest.mark.slow
@pytest.mark.timeout(300 + WANTED * 2)
def test_every_life_goes_as_the_model_says(house: House, store: Store) -> None:
    reached = set[Reached]()

    play(house, store, reached, PROFILE)

    # chance finds nearly all edges; that no edge is left out is the walks' business
    assert len(EDGES - reached) < len(EDGES) / 4
    print(f"{len(reached)} of {len(EDGES)} edges by chance")
