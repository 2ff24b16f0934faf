"""The statements that run all the time find their rows by an index, analysed or not, and read no more than they need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from milepost.db import prunes, statements, sweeps
from milepost.db.filters import Listing, Part, Wanted, names
from milepost.db.reads import count_statement, page_statement
from milepost.domain.machine import By
from milepost.kinds.executions import KIND
from tests.plans.conftest import Shelf

TABLE = KIND.table
PENDING = "status = 'PENDING' AND scheduled_at <= now()"
RUNNING = "status = 'RUNNING'"
DONE = KIND.machine.edge("RUNNING", "COMPLETED", "completed", By.WORKER)
AGAIN = KIND.machine.edge("RUNNING", "PENDING", "retry_attempt", By.WORKER)


async def hot(shelf: Shelf, name: str, count: int) -> tuple[str, list[Any]]:
    waiting, running = await shelf.ids(PENDING, count), await shelf.ids(RUNNING, count)
    ones, twos, actors = [1] * count, [2] * count, ["worker:w1"] * count
    return {
        "claim": (statements.claim(TABLE), [waiting, ones, "w1", 20.0]),
        "refused claims": (statements.refused_claims(TABLE), [running, ones, "w2"]),
        "move to the end": (
            statements.move(TABLE, DONE, ("output",), 0, noted=False, delayed=False),
            [running, twos, actors, ["x"] * count],
        ),
        "move to the queue": (
            statements.move(TABLE, AGAIN, (), 0, noted=False, delayed=True),
            [running, twos, actors, [1.0] * count],
        ),
        "beat": (statements.beat(TABLE), [running, twos, "w1", 20.0]),
        "note": (statements.note(TABLE, ("progress",)), [running, twos, "w1", [5] * count]),
    }[name]  # fmt: skip


@pytest.mark.parametrize("count", [1, 300])
@pytest.mark.parametrize("name", ["claim", "refused claims", "move to the end", "move to the queue", "beat", "note"])
@pytest.mark.slow
async def test_a_group_reads_its_own_rows_and_no_others(shelf: Shelf, name: str, count: int) -> None:
    sql, args = await hot(shelf, name, count)

    plan = await shelf.explain(sql, *args)

    assert plan.walked("executions") == []
    assert plan.read("executions") <= 2 * count
    assert plan.indexes() == {"pk_executions"}


NOW = datetime.now(UTC)
PLACE = (NOW - timedelta(seconds=25_000), sweeps.FIRST)


@pytest.mark.parametrize(
    ("sql", "args", "index", "most"),
    [
        (sweeps.expired_leases(TABLE), (sweeps.FIRST, 500), "ix_executions_leased", 500),
        (sweeps.overdue_running(TABLE), (sweeps.FIRST, 500), "ix_executions_leased", 500),
        (sweeps.overdue_waiting(TABLE), ([], 500), "ix_executions_waiting_deadline", 500),
        (sweeps.waiting_after(TABLE, due=True), (*PLACE, 2000), "ix_executions_due", 2000),
        (sweeps.waiting_after(TABLE, due=False), (*PLACE, 2000), "ix_executions_due", 2000),
        (sweeps.waiting_after(TABLE, due=True), (*sweeps.BEGINNING, 2000), "ix_executions_due", 2000),
        (sweeps.waiting_since(TABLE), (NOW - timedelta(hours=3), 2000), "ix_executions_due", 2000),
        (sweeps.waiting_of_inactive(TABLE), (sweeps.FIRST, [], 5000), "ix_executions_owner", 100),
        (sweeps.leased_owners_after(TABLE), (sweeps.FIRST, 500), "ix_executions_leased", 500),
    ],
    ids=[
        "rescue", "time out what runs", "time out what waits", "walk the due", "walk all", "oldest", "just due",
        "inactive users", "deleted users' running jobs",
    ],
)  # fmt: skip
async def test_a_sweep_is_served_by_its_index(shelf: Shelf, sql: str, args: Any, index: str, most: int) -> None:
    plan = await shelf.explain(sql, *args)

    assert plan.walked("executions") == []
    assert index in plan.indexes()
    assert plan.read("executions") <= most


@pytest.mark.parametrize("index", ["ix_executions_due"])
async def test_a_page_of_the_queue_comes_in_order_without_a_sort(shelf: Shelf, index: str) -> None:
    plan = await shelf.explain(sweeps.waiting_after(TABLE, due=True), *PLACE, 2000)

    assert not plan.sorted()


@pytest.mark.parametrize(("statuses", "most"), [({"RUNNING"}, 500), ({"PENDING", "RUNNING"}, 10_001)])
async def test_a_list_of_what_is_open_looks_at_nothing_that_ended(shelf: Shelf, statuses: set[str], most: int) -> None:
    if shelf.analysed:  # what was never analysed is small
        plan = await shelf.explain(*count_statement([Listing(TABLE)], Wanted(statuses=frozenset(statuses))))

        assert plan.walked("executions") == []
        assert plan.read("executions") <= most


SOMEBODY = UUID("00000000-0000-0000-0000-000000000345")
MIDDLE = (NOW - timedelta(seconds=50_000), UUID(int=2**127))


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("after", [None, MIDDLE], ids=["first page", "after a cursor"])
@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(), "idx_executions_created_at"),
        (Wanted(owner=SOMEBODY), "ix_executions_owner"),
        (Wanted(statuses=frozenset({"FAILED"})), "idx_executions_status"),
    ],
    ids=["all", "one owner's", "failed"],
)
async def test_a_page_in_the_order_of_creation_comes_from_its_index(
    shelf: Shelf, wanted: Wanted, index: str, after: Any, *, descending: bool
) -> None:
    plan = await shelf.explain(*page_statement(Listing(TABLE), wanted, Part(descending=descending, after=after)))

    assert (plan.walked("executions"), plan.sorted()) == ([], False)
    assert plan.indexes() == {index}
    assert plan.read("executions") == 21


@pytest.mark.parametrize("descending", [True, False])
async def test_a_page_in_the_order_of_finish_comes_from_its_index(shelf: Shelf, *, descending: bool) -> None:
    after = (NOW, UUID(int=0)) if descending else (NOW - timedelta(days=9), UUID(int=0))
    for place in (None, after):
        part = Part("finished_at", descending, after=place, ended=True)

        plan = await shelf.explain(*page_statement(Listing(TABLE), Wanted(), part))

        assert (plan.walked("executions"), plan.sorted()) == ([], False)
        assert "ix_executions_finished_at" in plan.indexes()


@pytest.mark.parametrize("owner", [None, UUID("00000000-0000-0000-0000-000000000345")])
async def test_a_short_id_is_looked_up_by_its_index(shelf: Shelf, owner: UUID | None) -> None:
    wanted = Wanted(owner=owner, short_id="00012345")
    for sql, *args in (page_statement(Listing(TABLE), wanted, Part()), count_statement([Listing(TABLE)], wanted)):
        plan = await shelf.explain(sql, *args)

        assert plan.walked("executions") == []
        assert "ix_executions_short_id" in plan.indexes()
        assert 1 <= plan.read("executions") <= 4


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("01900000-0000-7000-8000-000000012345", "pk_executions"),
        ("00012345", "ix_executions_short_id"),
        ("exec-12345", "idx_executions_job_name"),
    ],
)
async def test_what_names_a_job_is_looked_up_by_an_index(shelf: Shelf, text: str, index: str) -> None:
    plans = [
        await shelf.explain(f"SELECT id, user_id FROM executions WHERE {condition}", value)
        for condition, value in names(KIND.listing, text)
    ]

    assert all(plan.walked("executions") == [] for plan in plans)
    assert [plan.read("executions") for plan in plans if index in plan.indexes()] == [1]
    wanted = Wanted(ids=frozenset({UUID("01900000-0000-7000-8000-000000012345")}))
    plan = await shelf.explain(*page_statement(KIND.listing, wanted, Part()))
    assert plan.walked("executions") == []
    assert plan.read("executions") <= 2


async def test_the_pruner_finds_what_is_due_by_its_dates(shelf: Shelf) -> None:
    plan = await shelf.explain(prunes.due_jobs(TABLE), timedelta(days=30), 200, [])

    assert plan.walked("executions") == []
    assert plan.read("executions") <= 400


async def test_deleting_a_job_finds_its_history_by_an_index(shelf: Shelf) -> None:
    plan = await shelf.explain(
        "SELECT * FROM status_transitions WHERE job_id = ANY ($1::uuid[])", await shelf.ids(RUNNING, 5)
    )

    assert plan.walked("status_transitions_executions") == []


async def test_one_jobs_history_comes_from_the_primary_key(shelf: Shelf) -> None:
    [job] = await shelf.ids(RUNNING, 1)

    plan = await shelf.explain(
        "SELECT * FROM status_transitions WHERE job_kind = 'execution' AND job_id = $1 ORDER BY version", job
    )

    assert not plan.sorted()
    assert plan.read("status_transitions_executions") <= 3


async def test_a_statement_that_walks_the_table_would_be_caught(shelf: Shelf) -> None:
    plan = await shelf.explain("SELECT id FROM executions WHERE error_code = 'NO_SUCH'")

    assert plan.walked("executions") != []
    assert plan.read("executions") >= 99_000
