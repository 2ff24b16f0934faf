"""A late attempt and the present one, held by one process, write with the same statement: the present one counts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from milepost.db.moves import Moved
from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.errors import StaleVersion
from milepost.domain.job import Job
from milepost.domain.outcome import Done, Failed, Outcome
from milepost.domain.transition import Transition
from milepost.engine.rescue import rescue
from milepost.kinds.executions import KIND
from tests.engine.lives import ACTOR, LEASE_OVER, alter, now, running
from tests.factories import Bells


def ended(job: Job, outcome: Outcome) -> Transition:
    return decide.after_attempt(
        KIND.machine, KIND.policy, job, outcome, actor="worker:w1", now=job.scheduled_at, chance=0.5
    )


async def claimed_twice(database: TenantDatabase, owner: Any) -> tuple[Job, Job]:
    """The job as a worker knew it before it lost it, and as the same worker has it now."""
    late = await running(database)
    await alter(owner, late, LEASE_OVER)
    await rescue(database, KIND, Bells(), actor=ACTOR)
    waits = await now(database, late)
    return late, (await database.ledger.claim(KIND.table, [(waits.id, waits.version)], "w1", 20)).jobs[0]


@pytest.mark.parametrize("late_first", [True, False])
async def test_a_late_end_does_not_take_the_place_of_the_present_one(
    database: TenantDatabase, owner: Any, *, late_first: bool
) -> None:
    late, present = await claimed_twice(database, owner)
    wanted = [ended(late, Failed("LATE", "Too late.")), ended(present, Done({"output": "in time"}))]

    answers: list[Any] = await asyncio.gather(
        *(database.ledger.move(KIND.table, t) for t in (wanted if late_first else reversed(wanted))),
        return_exceptions=True,
    )

    refused, kept = answers if late_first else reversed(answers)
    assert (type(refused), type(kept)) == (StaleVersion, Moved)
    assert ((await now(database, present)).status, (await now(database, present))["output"]) == ("COMPLETED", "in time")


@pytest.mark.parametrize("late_first", [True, False])
async def test_a_late_note_does_not_take_the_place_of_the_present_one(
    database: TenantDatabase, owner: Any, *, late_first: bool
) -> None:
    late, present = await claimed_twice(database, owner)
    notes = [(late, 90), (present, 40)]

    kept = await asyncio.gather(
        *(
            database.ledger.note(KIND.table, job.id, job.version, "w1", {"progress": percent})
            for job, percent in (notes if late_first else reversed(notes))
        )
    )

    assert list(kept) == ([False, True] if late_first else [True, False])
    assert (await now(database, present))["progress"] == 40
