"""Waiting reads, why, summary, health and metrics."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from milepost.domain.job import Job
from milepost.engine.cancel import cancel
from milepost.queue.presence import Presence, leave, show
from tests.api_fixtures import Caller, House
from tests.factories import TABLE, expected, new_execution


async def submitted(house: House, caller: Caller, **changes: Any) -> Job:
    return (await house.database.ledger.submit(TABLE, new_execution(user_id=caller.user_id, **changes))).job


async def claimed(house: House, job: Job) -> Job:
    return (await house.database.ledger.claim(TABLE, [(job.id, job.version)], "w1", 20)).jobs[0]


async def waiting(caller: Caller, job: Job, tag: str, seconds: int = 20) -> Any:
    url = f"/v1/jobs/{job.id}?wait={seconds}"
    return await caller.http.get(url, headers={"If-None-Match": tag}, timeout=40)


async def test_a_waiting_read_answers_when_the_job_moves_and_holds_no_connection_meanwhile(house: House) -> None:
    me = await house.caller()
    job = await submitted(house, me)
    tag = (await me.http.get(f"/v1/executions/{job.id}")).headers["etag"]
    asked = [asyncio.create_task(waiting(me, job, tag)) for _ in range(30)]
    async with asyncio.timeout(10):
        pool = house.database.pool
        while pool.get_idle_size() < pool.get_size() or not house.deps.feeds._feeds:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    assert not any(task.done() for task in asked)
    await claimed(house, job)
    answers = await asyncio.gather(*asked)

    assert pool.get_size() <= pool.get_max_size() < len(answers)
    assert {(answer.status_code, answer.json()["status"]) for answer in answers} == {(200, "RUNNING")}


async def test_a_waiting_read_answers_progress_tokens_and_files_that_change_under_one_version(house: House) -> None:
    me = await house.caller()
    job = await claimed(house, await submitted(house, me))
    url = f"/v1/executions/{job.id}"
    first = await me.http.get(url)
    asked = asyncio.create_task(waiting(me, job, first.headers["etag"]))
    await asyncio.sleep(0)
    await house.database.ledger.note(TABLE, job.id, 2, "w1", {"progress": 30, "stage": "reading", **expected(9)})
    second = await asked
    asked = asyncio.create_task(waiting(me, job, second.headers["etag"]))
    await asyncio.sleep(0)
    await me.http.post(f"{url}/artifacts", json={"file_name": "log.txt", "file_size": 1})
    third = await asked

    assert (second.json()["progress"], second.json()["version"]) == (30, 2)
    assert 0 < second.json()["seconds_left"] <= 9
    assert second.json()["late"] is False
    assert [artifact["file_name"] for artifact in third.json()["artifacts"]] == ["log.txt"]


async def test_a_waiting_read_of_a_job_that_only_beats_ends_unchanged(house: House) -> None:
    me = await house.caller()
    job = await claimed(house, await submitted(house, me))
    tag = (await me.http.get(f"/v1/executions/{job.id}")).headers["etag"]
    began = time.monotonic()
    asked = asyncio.create_task(waiting(me, job, tag, seconds=2))
    await asyncio.sleep(0.5)
    await house.database.ledger.beat(TABLE, [(job.id, 2)], "w1", 20)
    answer = await asked

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert 1.9 < time.monotonic() - began < 5


async def test_why_answers_for_people_and_programs_and_counts_living_workers(house: House) -> None:
    me, somebody = await house.caller(), await house.caller()
    job = await submitted(house, me)
    alone = (await me.http.get(f"/v1/executions/{job.id}/why")).json()
    worker = Presence("w1", ("execution",), running=0, max_jobs=10, started_at=0.0, beat_at=0.0)
    await show(house.redis, worker, life=30)
    staffed = (await me.http.get(f"/v1/jobs/{job.id}/why")).json()
    await leave(house.redis, "w1")

    assert (alone["reason"], alone["workers"], alone["ahead"]) == ("no_worker", 0, 0)
    assert (staffed["reason"], staffed["workers"]) == ("queued", 1)
    assert staffed["text"] == "It is due; no job goes before it."
    assert (await somebody.http.get(f"/v1/jobs/{job.id}/why")).status_code == 404


async def test_the_summary_counts_what_its_caller_may_read(house: House) -> None:
    me, somebody, operator = await house.caller(), await house.caller(), await house.operator()
    await claimed(house, await submitted(house, me))
    await submitted(house, somebody)
    ended = await submitted(house, somebody)
    await cancel(house.database, house.deps.kinds[0], ended.id, actor="key:test")
    own = (await me.http.get("/v1/summary")).json()["kinds"]["execution"]
    whole = (await operator.http.get("/v1/summary")).json()["kinds"]["execution"]

    assert {status: count["count"] for status, count in own["statuses"].items() if count["count"]} == {"RUNNING": 1}
    assert {status: count["count"] for status, count in whole["statuses"].items() if count["count"]} == {
        "PENDING": 1, "RUNNING": 1, "CANCELLED": 1,
    }  # fmt: skip
    assert (own["oldest_due_seconds"], whole["leases"]) == (None, {"held": 1, "expired": 0})
    assert whole["oldest_due_seconds"] > 0


async def test_readiness_names_the_guard_that_is_missing(house: House, owner: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("milepost.api.health.REMEMBERED", 0.0)
    anybody = house.client()
    ready = await anybody.get("/readyz")
    await owner.execute("ALTER TABLE executions DISABLE TRIGGER guard_executions")
    from milepost.api.app import create_app

    house.app = create_app(house.deps)
    broken = await house.client().get("/readyz")

    assert (await anybody.get("/healthz")).json() == {"status": "ok"}
    assert (ready.status_code, ready.json()["checks"]) == (200, {"database": "ok", "guards": "ok", "redis": "ok"})
    assert (broken.status_code, broken.headers["content-type"]) == (503, "application/problem+json")
    assert "guard_executions" in broken.json()["detail"]


async def test_readiness_without_a_database_is_503_and_metrics_still_answer(house: House) -> None:
    from dataclasses import replace

    from milepost.api.app import create_app
    from milepost.db.connections import Patience
    from milepost.db.tenants import DatabaseOptions, open_database

    nowhere = await open_database(
        "default", "postgresql://nobody:x@127.0.0.1:1/none", DatabaseOptions(patience=Patience(whole=0.2))
    )

    async def databases(_: str) -> Any:
        return nowhere

    house.app = create_app(replace(house.deps, databases=databases))
    anybody = house.client()
    ready, metrics = await anybody.get("/readyz"), await anybody.get("/metrics")
    await nowhere.close()

    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "it cannot be reached")
    assert 'milepost_up{server="postgresql"} 0.0' in metrics.text
    assert 'milepost_up{server="redis"} 1.0' in metrics.text


async def test_metrics_show_counts_per_kind_and_status_and_no_tenant(house: House) -> None:
    me = await house.caller()
    await submitted(house, me)
    await claimed(house, await submitted(house, me))
    text = (await house.client().get("/metrics")).text

    assert 'milepost_jobs{kind="execution",status="PENDING"} 1.0' in text
    assert 'milepost_leases{kind="execution",state="held"} 1.0' in text
    assert "milepost_streams " in text
    assert "default" not in text
