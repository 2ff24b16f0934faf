"""Values that do not fit their column are found before they join a group; what is found only in it fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from milepost.db.misfits import MOST_BYTES, misfit
from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.errors import RowRefused, ValueRefused
from milepost.domain.job import Job
from milepost.domain.outcome import Done
from milepost.domain.transition import Effect, Transition
from milepost.kinds.executions import KIND
from tests.factories import TABLE, WORKER, new_execution

NEIGHBOURS = 20


class Unreadable(Mapping[str, Any]):
    """Raises at every look."""

    def __getitem__(self, name: str) -> Any:
        raise SystemExit(3)

    def __iter__(self) -> Any:
        raise SystemExit(3)

    def __len__(self) -> int:
        return 1


WRONG: list[tuple[Any, str]] = [
    ({"nosuch": 1}, "executions has no column 'nosuch'"),
    ({1: 1}, "a column's name is no str"),
    ({"output": 7}, "output takes a str, not int"),
    ({"output": b"bytes"}, "output takes a str, not bytes"),
    ({"output": "a\0b"}, "output holds no NUL character"),
    ({"output": "\ud800"}, "output holds no lone surrogates"),
    ({"output": "x" * (MOST_BYTES + 1)}, "output makes it more than 16,777,216 bytes; keep what is large in a file"),
    ({"stop_reason": ["end"]}, "stop_reason takes a str, not list"),
    ({"input_tokens": "7"}, "input_tokens takes a whole number, not str"),
    ({"input_tokens": 1.5}, "input_tokens takes a whole number, not float"),
    ({"input_tokens": 2**31}, "input_tokens holds numbers from -2147483648 to 2147483647"),
    ({"input_tokens": 10**10_000}, "input_tokens holds numbers from -2147483648 to 2147483647"),
    ({"progress": 2**15}, "progress holds numbers from -32768 to 32767"),
    ({"usage_estimated": 1}, "usage_estimated takes a bool, not int"),
    ({"estimated_cost": float("nan")}, "estimated_cost holds no NaN and no infinity"),
    ({"estimated_cost": Decimal("1e1000000000")}, "estimated_cost holds no number so large or so small"),
    ({"estimated_cost": 10**10_000}, "estimated_cost holds no number so large or so small"),
    ({"error_details": {"a": 1}}, "error_details takes a str, not dict; JSON is given as text, made by milepost.db.job_table.as_json"),
    ({"error_details": '{"a": NaN}'}, "error_details is not JSON: there is no NaN in JSON"),
    ({"error_details": "[" * 100_000}, "error_details is nested too deeply"),
    ({"retain_until": "tomorrow"}, "retain_until takes a datetime, not str"),
    ({"retain_until": datetime.min.replace(tzinfo=UTC).date()}, "retain_until takes a datetime, not date"),
    (Unreadable(), "a value cannot be read (SystemExit)"),
]  # fmt: skip


def test_a_value_that_does_not_fit_is_named_by_its_column() -> None:
    assert [misfit(TABLE, columns) for columns, _ in WRONG] == [told for _, told in WRONG]


async def claimed(database: TenantDatabase, count: int) -> list[Job]:
    news = [new_execution() for _ in range(count)]
    jobs = [one.job for one in await database.ledger.submit_all(TABLE, news)]
    return (await database.ledger.claim(TABLE, [(job.id, job.version) for job in jobs], "w1", 20)).jobs


def done(job: Job, outcome: Done) -> Transition:
    return decide.after_attempt(
        KIND.machine, KIND.policy, job, outcome, actor=WORKER, now=job.scheduled_at, chance=0.5
    )  # fmt: skip


async def test_what_fits_is_taken_by_the_database(database: TenantDatabase, owner: Any) -> None:
    (job,) = await claimed(database, 1)
    fits = {
        "output": "é", "stop_reason": "end", "input_tokens": 2**31 - 1, "output_tokens": 0, "tokens_used": 2**31 - 1,
        "usage_estimated": True, "estimated_cost": 0.5, "error_details": '{"a": [1, null]}',
        "retain_until": datetime(2030, 1, 1, tzinfo=UTC), "progress": 7, "pod_name": None,
    }  # fmt: skip

    assert misfit(TABLE, fits) is None
    assert await database.ledger.note(TABLE, job.id, job.version, "w1", fits)
    row = await owner.fetchrow("SELECT * FROM executions WHERE id = $1", job.id)
    assert (row["output"], row["estimated_cost"], row["progress"]) == ("é", Decimal("0.5"), 7)


async def test_wrong_notes_are_refused_and_their_neighbours_are_written(database: TenantDatabase) -> None:
    jobs = await claimed(database, NEIGHBOURS + len(WRONG))
    wrong, others = jobs[NEIGHBOURS:], jobs[:NEIGHBOURS]

    answers = await asyncio.gather(
        *(database.ledger.note(TABLE, job.id, job.version, "w1", {"stage": "beside"}) for job in others),
        *(
            database.ledger.note(TABLE, job.id, job.version, "w1", columns)
            for job, (columns, _) in zip(wrong, WRONG, strict=True)
        ),
        return_exceptions=True,
    )

    refused = [answer for answer in answers if isinstance(answer, ValueRefused)]
    assert [error.data["detail"] for error in refused] == [told for _, told in WRONG]
    assert answers[:NEIGHBOURS] == [True] * NEIGHBOURS


async def test_a_wrong_result_is_refused_and_its_neighbours_end(database: TenantDatabase) -> None:
    first, *others = await claimed(database, NEIGHBOURS + 1)

    answers = await asyncio.gather(
        database.ledger.move(TABLE, done(first, Done({"nosuch": 1}))),
        *(database.ledger.move(TABLE, done(job, Done({"output": "x"}))) for job in others),
        return_exceptions=True,
    )

    assert isinstance(answers[0], ValueRefused)
    assert not [answer for answer in answers[1:] if isinstance(answer, BaseException)]


@pytest.mark.parametrize(
    "effect",
    [None, 7, Effect(None, ()), Effect(7, (1,))],  # type: ignore[arg-type]
    ids=["none", "a number", "no statement", "a statement that is none"],
)
async def test_whatever_one_transition_makes_the_group_raise_its_neighbours_end(
    database: TenantDatabase, effect: Any
) -> None:
    first, *others = await claimed(database, NEIGHBOURS + 1)

    answers = await asyncio.gather(
        database.ledger.move(TABLE, done(first, Done(effects=(effect,)))),
        *(database.ledger.move(TABLE, done(job, Done(effects=()))) for job in others),
        return_exceptions=True,
    )

    assert isinstance(answers[0], RowRefused)
    assert not [answer for answer in answers[1:] if isinstance(answer, BaseException)]


async def test_columns_that_cannot_be_told_apart_spoil_no_group(database: TenantDatabase) -> None:
    """What is wrong before any statement is made: the group is sorted and split by its columns."""
    first, *others = await claimed(database, NEIGHBOURS + 1)
    odd = done(first, Done())._replace(columns=Unreadable(), note=7)  # type: ignore[arg-type]

    answers = await asyncio.gather(
        *(database.ledger.move(TABLE, one) for one in [odd, *(done(job, Done()) for job in others)]),
        return_exceptions=True,
    )

    assert isinstance(answers[0], RowRefused)
    assert not [answer for answer in answers[1:] if isinstance(answer, BaseException)]
