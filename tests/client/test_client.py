"""The Python client against a real stack."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

import milepost
from milepost.client import ApiError, Client, Execution, StillOpen, Unreachable
from tests.cli.running import Up


def tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


async def test_a_job_is_submitted_awaited_and_typed(client: Client):
    job = await client.submit("executions", prompt="Rain fell. The river rose.", metadata={"from": "a test"})
    done = await client.wait(job.id, timeout=30)

    assert isinstance(done, Execution)
    assert (done.succeeded, done.version, done.metadata) == (True, 3, {"from": "a test"})
    assert done.output is not None
    assert done.output.startswith("[offline/extract")
    assert done.created_at is not None
    assert done.created_at.tzinfo is not None
    assert [(step.version, step.to_status) for step in done.status_transitions] == [
        (1, "PENDING"), (2, "RUNNING"), (3, "COMPLETED"),
    ]  # fmt: skip
    assert done.columns == {}, "every field of an execution has a name"


async def test_a_thousand_jobs_in_one_call_all_end(client: Client):
    ids = await client.submit_many("executions", [{"prompt": f"Number {n}. It is a number."} for n in range(1000)])

    last = await asyncio.gather(*(client.wait(job_id, timeout=50) for job_id in ids[-20:]))

    assert len(set(ids)) == 1000
    assert all(job.succeeded for job in last)


async def test_a_batch_with_one_bad_job_submits_none(client: Client):
    before = (await client.summary())["kinds"]["execution"]["statuses"]["PENDING"]["count"]

    with pytest.raises(ApiError) as refused:
        await client.submit_many("executions", [{"prompt": "good", "scheduled_at": tomorrow()}, {"prompt": ""}])

    after = (await client.summary())["kinds"]["execution"]["statuses"]["PENDING"]["count"]
    assert (refused.value.status, before) == (422, after)
    assert "/jobs/1/prompt" in refused.value.detail
    assert refused.value.hint is None, "it would only say the same again"


async def test_the_same_key_gives_the_same_job_and_another_request_is_refused(client: Client):
    first = await client.submit("executions", idempotency_key="client-once", prompt="Once.")
    again = await client.submit("executions", idempotency_key="client-once", prompt="Once.")

    assert (again.id, again.replayed, first.replayed) == (first.id, True, False)
    with pytest.raises(ApiError) as refused:
        await client.submit("executions", idempotency_key="client-once", prompt="Twice.")
    assert refused.value.slug == "idempotency-key-reused"


async def test_a_watch_sees_every_transition_of_a_job_and_ends_with_it(client: Client):
    job = await client.submit("executions", prompt="Watch me. I am short.")

    events = [event async for event in client.watch(job.id)]

    steps = [event.transition for event in events if event.transition is not None]
    assert events[0].name == "snapshot"
    assert [(step.version, step.to_status) for step in steps] == [(1, "PENDING"), (2, "RUNNING"), (3, "COMPLETED")]
    assert {step.job_id for step in steps} == {job.id}


async def test_a_watch_goes_on_after_the_last_event_it_saw(client: Client):
    job = await client.submit("executions", prompt="Twice watched.")
    await client.wait(job.id, timeout=30)
    first = [event async for event in client.watch(job.id) if event.id]

    rest = [event async for event in client.watch(job.id, last_event_id=first[0].id) if event.id]

    assert [event.id for event in rest] == [event.id for event in first[1:]]


async def test_a_watch_of_all_jobs_sees_what_happens_from_now_on(client: Client):
    wanted: set[UUID] = set()
    ended: set[UUID] = set()
    async for event in client.watch(kind="execution"):
        if event.name == "snapshot" and not wanted:
            wanted = set(await client.submit_many("executions", [{"prompt": f"All {n}."} for n in range(20)]))
        step = event.transition
        if step is not None and step.to_status == "COMPLETED":
            ended.add(step.job_id)
        if wanted and wanted <= ended:
            return


async def test_a_waiting_job_is_cancelled_and_retried(client: Client):
    job = await client.submit("executions", prompt="Later.", scheduled_at=tomorrow())

    with pytest.raises(StillOpen):
        await client.wait(job.id, timeout=0)
    with pytest.raises(ApiError) as conflict:
        await client.cancel(job.id, version=7)
    cancelled = await client.cancel(job.id, reason="changed my mind")
    again = await client.retry(job.id)

    assert conflict.value.slug == "version-conflict"
    assert (cancelled.status, cancelled.status_reason) == ("CANCELLED", "cancelled changed my mind")
    assert [(step.to_status, step.reason) for step in again.status_transitions[2:3]] == [("PENDING", "retry")]


async def test_why_and_lists_answer(client: Client):
    job = await client.submit("executions", prompt="Why not now?", scheduled_at=tomorrow())

    page = await client.list("executions", status=["PENDING"], page_size=5)

    assert (await client.why(job.id))["reason"] == "not_due"
    assert page.items[0].id == job.id
    assert all(item.status == "PENDING" for item in page.items)


async def test_a_job_that_is_not_there_is_told_as_such(client: Client):
    with pytest.raises(ApiError) as missing:
        await client.get("00000000-0000-7000-8000-000000000000")

    assert (missing.value.status, missing.value.slug) == (404, "not-found")


async def test_a_wrong_key_is_refused_and_never_shown(stack: Up):
    async with Client(stack.note["api_url"], "sk_wrong") as stranger:
        with pytest.raises(ApiError) as refused:
            await stranger.summary()

    assert refused.value.status == 401
    assert "sk_wrong" not in str(refused.value)


async def test_a_server_that_is_away_is_unreachable_after_the_patience():
    async with Client("http://127.0.0.1:9", "sk_x", patience=0.3) as nobody:
        with pytest.raises(Unreachable):
            await nobody.summary()


def test_the_client_comes_with_the_package_and_brings_no_server_along():
    import subprocess
    import sys

    code = (
        "import sys, milepost; milepost.Client, milepost.Job;"
        "found = {name.partition('.')[0] for name in sys.modules};"
        "sys.exit(bool(found & {'sqlalchemy', 'asyncpg', 'fastapi', 'arq', 'redis', 'pydantic_settings'}))"
    )
    assert milepost.Client is Client
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
