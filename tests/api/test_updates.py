"""PATCH: what a remote runner reports and an operator corrects, along the legal edges and no others."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from milepost.domain.job import Job
from milepost.engine.cancel import cancel
from milepost.engine.read_job import read_job
from tests.api_fixtures import Caller, House
from tests.factories import TABLE, new_execution


async def submitted(house: House, caller: Caller, **changes: Any) -> UUID:
    return (await house.database.ledger.submit(TABLE, new_execution(user_id=caller.user_id, **changes))).job.id


async def patched(caller: Caller, job_id: UUID, known: int | None, **body: Any) -> Any:
    headers = {} if known is None else {"If-Match": f'"{known}"'}
    return await caller.http.patch(f"/v1/executions/{job_id}", json=body, headers=headers)


async def row(house: House, job_id: UUID) -> Job:
    return await read_job(house.database, TABLE, job_id)


def slug(answer: Any) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return f"{answer.status_code} {answer.json()['type'].rsplit('/', 1)[1]}"


async def test_a_remote_runner_takes_a_job_reports_and_completes_it(house: House, owner: Any) -> None:
    me, runner = await house.caller(), await house.operator()
    job_id = await submitted(house, me)
    taken = await patched(runner, job_id, 1, status="RUNNING", pod_name="pod-7")
    held = await row(house, job_id)
    await patched(runner, job_id, 2, input_tokens=100)
    await patched(runner, job_id, 2, inputTokens=1000, outputTokens=200)
    done = await patched(runner, job_id, 2, status="COMPLETED", output="forty-two", tokens_used=1300, output_tokens=300)
    history = await owner.fetch(
        "SELECT to_status, reason, actor FROM status_transitions WHERE job_id = $1 ORDER BY version", job_id
    )

    assert (taken.status_code, taken.json()["status"], taken.json()["version"]) == (200, "RUNNING", 2)
    assert (held.lease_owner, held["pod_name"], held.attempt) == (runner.actor, "pod-7", 1)
    assert held.claimed_at is not None
    assert held.lease_expires_at is not None
    assert (held.lease_expires_at - held.claimed_at).total_seconds() == 20
    assert (done.json()["status"], done.json()["output"], done.json()["progress"]) == ("COMPLETED", "forty-two", 100)
    assert (done.json()["tokens_used"], done.json()["estimated_cost"]) == (1300, 0.0075)
    assert (await row(house, job_id))["estimated_cost"] == Decimal("0.007500")
    assert [tuple(line) for line in history[1:]] == [
        ("RUNNING", "claimed", runner.actor), ("COMPLETED", "completed", runner.actor),
    ]  # fmt: skip


async def test_every_later_patch_of_its_holder_renews_the_lease_and_raises_no_version(house: House) -> None:
    runner, operator = await house.operator(), await house.operator()
    job_id = await submitted(house, runner)
    await patched(runner, job_id, 1, status="RUNNING")
    before = await row(house, job_id)
    empty = await patched(runner, job_id, 2)
    renewed = await row(house, job_id)
    again = await patched(runner, job_id, 2, status="RUNNING")
    now = await row(house, job_id)
    await patched(operator, job_id, 2, pod_name="elsewhere")
    by_other = await row(house, job_id)

    assert (empty.status_code, again.status_code) == (200, 200)
    assert before["lease_expires_at"] < renewed["lease_expires_at"] < now["lease_expires_at"]
    assert (by_other["lease_expires_at"], by_other["pod_name"]) == (now["lease_expires_at"], "elsewhere")
    assert by_other.version == 2
    assert slug(await patched(operator, job_id, 2, status="RUNNING")) == "409 illegal-transition"


async def test_the_expected_version_is_required_and_must_be_the_present_one(house: House) -> None:
    runner = await house.operator()
    job_id = await submitted(house, runner)
    missing = await patched(runner, job_id, None, status="RUNNING")
    stale = await patched(runner, job_id, 7, status="RUNNING")
    differs = await patched(runner, job_id, 1, status="RUNNING", version=2)
    in_body = await patched(runner, job_id, None, status="RUNNING", version=1)

    assert (slug(missing), slug(stale)) == ("422 validation-failed", "412 version-conflict")
    assert stale.json()["current"] == {"status": "PENDING", "version": 1}
    assert slug(differs) == "422 validation-failed"
    assert in_body.status_code == 200


async def test_only_legal_edges_are_taken(house: House) -> None:
    runner = await house.operator()
    waiting = await submitted(house, runner)
    later = (await house.database.ledger.submit(TABLE, new_execution(scheduled_at=_later()))).job.id
    running = await submitted(house, runner)
    await patched(runner, running, 1, status="RUNNING")
    refused = [
        await patched(runner, waiting, 1, status="COMPLETED"), await patched(runner, waiting, 1, status="FAILED"),
        await patched(runner, waiting, 1, status="PENDING"), await patched(runner, running, 2, status="PENDING"),
        await patched(runner, running, 2, status="CANCELLED"), await patched(runner, later, 1, status="RUNNING"),
    ]  # fmt: skip

    assert {slug(answer) for answer in refused} == {"409 illegal-transition"}
    assert refused[0].json()["current"] == {"status": "PENDING", "version": 1}
    assert (await patched(runner, waiting, 1, status="CANCELLED")).json()["status"] == "CANCELLED"
    assert [(await row(house, job)).version for job in (waiting, running, later)] == [2, 2, 1]


def _later() -> Any:
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(hours=1)


async def test_a_failure_is_told_with_its_error_and_a_cancel_request_beats_it(house: House) -> None:
    runner = await house.operator()
    failed, cancelled = await submitted(house, runner), await submitted(house, runner)
    error = {"error_code": "POD_EVICTED", "error_message": "The pod was evicted.", "error_details": {"node": "n1"}}
    for job_id in (failed, cancelled):
        await patched(runner, job_id, 1, status="RUNNING")
    await cancel(house.database, house.deps.kinds[0], cancelled, actor="key:test")
    told = await patched(runner, failed, 2, status="FAILED", **error)
    ended = await patched(runner, cancelled, 2, status="FAILED", **error)

    assert {name: told.json()[name] for name in error} == error
    assert (told.json()["status"], ended.json()["status"]) == ("FAILED", "CANCELLED")


async def test_token_totals_never_fall_and_are_the_sum_of_their_parts(house: House) -> None:
    runner = await house.operator()
    job_id = await submitted(house, runner)
    await patched(runner, job_id, 1, status="RUNNING")
    await patched(runner, job_id, 2, input_tokens=100, output_tokens=50)

    assert slug(await patched(runner, job_id, 2, output_tokens=49)) == "422 out-of-range"
    assert slug(await patched(runner, job_id, 2, tokens_used=151)) == "422 validation-failed"
    assert slug(await patched(runner, job_id, 2, output_tokens=-1)) == "422 out-of-range"
    assert slug(await patched(runner, job_id, 2, input_tokens=2**31 - 1)) == "422 out-of-range"
    assert (await patched(runner, job_id, 2, output_tokens=51, tokens_used=151)).json()["tokens_used"] == 151


async def test_an_output_of_256_kib_fits_and_one_byte_more_does_not(house: House) -> None:
    runner = await house.operator()
    job_id = await submitted(house, runner)
    await patched(runner, job_id, 1, status="RUNNING")

    assert slug(await patched(runner, job_id, 2, output="é" * 131_072 + "x")) == "413 payload-too-large"
    assert (await patched(runner, job_id, 2, output="é" * 131_072)).status_code == 200


async def test_an_ended_execution_takes_only_its_retention_and_that_from_its_owner_too(
    house: House, owner: Any
) -> None:
    me, runner = await house.caller(), await house.operator()
    job_id = await submitted(house, me)
    await patched(runner, job_id, 1, status="CANCELLED")
    until = "2100-01-01T00:00:00Z"
    kept = await patched(me, job_id, 2, is_permanent=True, retainUntil=until)
    cleared = await patched(me, job_id, 2, retain_until=None)
    audit = await owner.fetchval(
        "SELECT count(*) FROM audit_logs WHERE resource_id = $1 AND action = 'execution.retention_changed'", str(job_id)
    )

    assert (kept.json()["is_permanent"], kept.json()["retain_until"], kept.json()["version"]) == (True, until, 2)
    assert (cleared.json()["retain_until"], audit) == (None, 2)
    assert slug(await patched(runner, job_id, 2, output="late")) == "409 illegal-transition"
    assert slug(await patched(runner, job_id, 2, status="RUNNING")) == "409 illegal-transition"


async def test_an_owner_without_the_right_may_not_report_and_a_stranger_sees_nothing(house: House) -> None:
    me, somebody = await house.caller(), await house.caller()
    job_id = await submitted(house, me)

    assert slug(await patched(me, job_id, 1, status="RUNNING")) == "403 insufficient-scope"
    assert slug(await patched(somebody, job_id, 1, is_permanent=True)) == "404 not-found"


async def test_a_worker_whose_job_an_operator_ended_is_fenced_out(house: House) -> None:
    operator = await house.operator()
    job_id = await submitted(house, operator)
    await house.database.ledger.claim(TABLE, [(job_id, 1)], "w1", 20)
    done = await patched(operator, job_id, 2, status="FAILED", error_code="BY_HAND")

    assert done.json()["error_code"] == "BY_HAND"
    assert await house.database.ledger.beat(TABLE, [(job_id, 2)], "w1", 20) == []
