"""What an idempotency key repeats and what it refuses, and that a refused batch leaves no trace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from milepost.db.submits import NewJob
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import IdempotencyKeyReused
from milepost.engine.submit import new_job, submit, submit_all
from milepost.kinds.executions import KIND
from milepost.kinds.executions.requests import CreateExecution
from tests.factories import Bells

DUE = datetime(2026, 1, 1, tzinfo=UTC)


def asked(key: str | None = "order", **request: Any) -> NewJob:
    made = CreateExecution.model_validate({"prompt": "Say something.", **request})
    return new_job(KIND, made, ids=uuid7, actor="key:test", user_id=None, idempotency_key=key)


async def test_a_replay_is_known_after_a_back_off_moved_the_due_time(database: TenantDatabase, owner: Any) -> None:
    first = await submit(database, KIND, asked(scheduled_at=DUE), Bells())
    await owner.execute("UPDATE executions SET scheduled_at = now() + interval '5 s'")

    again = await submit(database, KIND, asked(scheduled_at=DUE), Bells())

    assert (again.created, again.id) == (False, first.id)


async def test_a_replay_is_known_after_the_job_was_changed(database: TenantDatabase, owner: Any) -> None:
    request = {"is_permanent": True, "metadata": {"a": 1, "b": 2}}
    first = await submit(database, KIND, asked(**request), Bells())
    await owner.execute("UPDATE executions SET is_permanent = false, retain_until = now(), timeout_seconds = 7")

    again = await submit(database, KIND, asked(is_permanent=True, metadata={"b": 2, "a": 1}), Bells())

    assert (again.created, again.id) == (False, first.id)


@pytest.mark.parametrize(
    "other",
    [
        {"timeout_seconds": 5}, {"scheduled_at": None}, {"scheduled_at": DUE + timedelta(seconds=1)}, {"priority": 1},
        {"max_attempts": 1}, {"callback_url": "https://example.com/"}, {"prompt": "Else."}, {"metadata": {"a": 2}},
        {"is_permanent": True},
    ],
    ids=str,
)  # fmt: skip
async def test_a_key_is_refused_to_another_request(database: TenantDatabase, other: dict[str, Any]) -> None:
    request = {"scheduled_at": DUE, "metadata": {"a": 1}}
    first = await submit(database, KIND, asked(**request), Bells())

    with pytest.raises(IdempotencyKeyReused) as refused:
        await submit(database, KIND, asked(**{**request, **other}), Bells())

    assert refused.value.data["job_id"] == first.id


async def test_text_that_looks_like_json_is_compared_as_text(database: TenantDatabase) -> None:
    await submit(database, KIND, asked(prompt='{"a": 1}'), Bells())

    with pytest.raises(IdempotencyKeyReused):
        await submit(database, KIND, asked(prompt='{"a":1}'), Bells())


async def test_a_row_whose_request_was_not_remembered_is_answered(database: TenantDatabase, owner: Any) -> None:
    first = await submit(database, KIND, asked(), Bells())
    await owner.execute("UPDATE executions SET request_digest = NULL")

    again = await submit(database, KIND, asked(prompt="Else."), Bells())

    assert (again.created, again.id) == (False, first.id)


async def test_only_a_job_with_a_key_remembers_its_request(database: TenantDatabase) -> None:
    with_key = await submit(database, KIND, asked(), Bells())
    without = await submit(database, KIND, asked(None), Bells())

    assert len(with_key.job["request_digest"]) == 64
    assert without.job["request_digest"] is None
    assert "request_digest" not in KIND.answer(with_key.job)


@pytest.mark.parametrize("prompt", ["Say something.", "Else."], ids=["known request", "other request"])
async def test_a_batch_that_meets_a_used_key_is_refused_whole(
    database: TenantDatabase, owner: Any, prompt: str
) -> None:
    await submit(database, KIND, asked("used"), Bells())
    bells = Bells()

    with pytest.raises(IdempotencyKeyReused):
        await submit_all(database, KIND, [asked("fresh"), asked("used", prompt=prompt)], bells)

    assert (await owner.fetchval("SELECT count(*) FROM executions"), bells.rung) == (1, [])


async def test_a_batch_that_was_made_before_is_answered_again_without_bells(database: TenantDatabase) -> None:
    made = await submit_all(database, KIND, [asked("a"), asked("b")], Bells())
    bells = Bells()

    again = await submit_all(database, KIND, [asked("a"), asked("b")], bells)

    assert [(one.id, one.created) for one in again] == [(one.id, False) for one in made]
    assert bells.rung == []


async def test_a_known_batch_with_one_other_request_is_refused(database: TenantDatabase) -> None:
    await submit_all(database, KIND, [asked("a"), asked("b")], Bells())

    with pytest.raises(IdempotencyKeyReused):
        await submit_all(database, KIND, [asked("a"), asked("b", timeout_seconds=5)], Bells())
