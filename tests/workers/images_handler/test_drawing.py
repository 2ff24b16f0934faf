"""A task becomes a picture: result, file, history, cache and usage together, or none of them."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from milepost.domain.job import Job
from milepost.engine.cancel import cancel
from milepost.engine.retry import retry
from milepost.kinds.images import KIND
from milepost.storage import paths
from tests.factories import Bells
from tests.images_fixtures import REQUEST, Brush, Easel, shown
from workers.images.builtin import Missing
from workers.images.port import RendererError


async def transitions(owner: Any, job: Job) -> list[tuple[str, str]]:
    rows = await owner.fetch(
        "SELECT to_status, reason FROM status_transitions WHERE job_id = $1 ORDER BY version", job.id
    )
    return [tuple(row) for row in rows]


async def test_a_task_becomes_a_picture_with_all_that_belongs_to_it(easel: Easel, owner: Any) -> None:
    job = await easel.draw(seed=11)

    task, result = shown(job), shown(job)["result"]
    assert (job.status, job.version, job["progress"], job["stage"], job["error_code"]) == (
        "completed", 3, 100, "stored", None,
    )  # fmt: skip
    assert (result["width"], result["seed"], result["cached"], result["tokens"]) == (1, 11, False, 0)
    data = await easel.store.read_all(paths.image_file("default", result["sha256"]), sha256=result["sha256"])
    assert hashlib.sha256(data).hexdigest() == result["sha256"]
    row = await owner.fetchrow("SELECT * FROM generated_images")
    assert (str(row["id"]), row["task_id"], row["user_id"]) == (result["image_id"], job.id, easel.user_id)
    assert {name: row[name] for name in REQUEST} == REQUEST
    assert (row["image_url"], row["cached"], row["renderer_version"]) == (result["image_url"], False, "brush/1")
    cached = await owner.fetchrow("SELECT *, expires_at - created_at AS life FROM image_cache")
    assert (cached["image_url"], cached["user_id"], cached["life"]) == (result["image_url"], None, timedelta(days=7))
    usage = await owner.fetchrow("SELECT * FROM usage_stats")
    assert (usage["image_count"], usage["success_count"], usage["failure_count"], usage["total_tokens"]) == (1, 1, 0, 0)
    assert task["data"]["title"] == REQUEST["title"]
    assert await transitions(owner, job) == [
        ("pending", "created"), ("processing", "claimed"), ("completed", "completed"),
    ]  # fmt: skip


async def test_progress_has_names_rises_and_makes_no_version(easel: Easel, owner: Any) -> None:
    seen: list[tuple[int, str, int]] = []
    easel.brush.gate = asyncio.Event()
    (attempt,) = await easel.claim(await easel.submit())
    job = await easel.now(attempt.job)
    seen.append((job["progress"], job["stage"], job.version))
    running = asyncio.create_task(easel.desk.run(attempt))
    async with asyncio.timeout(10):
        await easel.brush.began.wait()
        while (job := await easel.now(job))["progress"] < 95:  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.01)
    seen.append((job["progress"], job["stage"], job.version))
    easel.brush.gate.set()
    await running

    assert seen == [(1, "started", 2), (95, "encoded", 2)]
    assert await owner.fetchval("SELECT count(*) FROM audit_logs WHERE resource_id = $1", str(job.id)) == 3


async def test_a_stale_workers_progress_changes_nothing(easel: Easel, owner: Any) -> None:
    easel.brush.gate = asyncio.Event()
    (attempt,) = await easel.claim(await easel.submit())
    before = attempt.job
    await owner.execute(
        "UPDATE image_tasks SET status = 'pending', version = version + 1, progress = 0, lease_owner = NULL,"
        " lease_expires_at = NULL, claimed_at = NULL"
    )

    kept = await easel.database.ledger.note(KIND.table, before.id, before.version, "w1", {"progress": 95})
    easel.brush.gate.set()
    await easel.desk.run(attempt)

    job = await easel.now(before)
    assert (kept, job.status, job["progress"], job.version) == (False, "pending", 0, 3)
    assert await owner.fetchval("SELECT count(*) FROM generated_images") == 0


async def test_a_hosted_renderers_tokens_add_up_over_attempts(easel: Easel, owner: Any) -> None:
    easel.brush.tokens = 30

    job = await easel.draw()

    assert job["tokens_used"] == 30
    assert shown(job)["result"]["tokens"] == 30
    assert await owner.fetchval("SELECT total_tokens FROM usage_stats") == 30


async def test_a_worker_without_the_libraries_for_drawing_ends_a_task_at_once_and_says_what_to_install(
    easel: Easel, owner: Any
) -> None:
    with pytest.raises(RendererError) as missing:
        await Missing("numpy").render({}, None, _nobody, "")
    easel.brush.errors = [missing.value]

    job = await easel.draw()

    assert (job.status, job.attempt, job["error_code"]) == ("failed", 1, "RENDERER_UNAVAILABLE")
    assert job["error_message"] == "Drawing needs numpy, which this worker has not: pip install 'milepost[images]'"
    assert await owner.fetchval("SELECT count(*) FROM generated_images") == 0


async def _nobody(percent: int, stage: str) -> None:
    """Is told nothing."""


@pytest.mark.parametrize(
    ("error", "status", "reason", "attempt"),
    [
        (RendererError("RENDER_FAILED", "It broke.", retry=True), "pending", "retry_attempt", 1),
        (RendererError("RENDERER_REJECTED", "Not that.", retry=False), "failed", "failed", 1),
        (RendererError("RENDERER_UNAVAILABLE", "Busy.", wait=timedelta(seconds=9)), "pending", "snoozed", 0),
    ],
    ids=["retried", "failed", "snoozed"],
)
async def test_what_a_renderer_refuses(
    easel: Easel, owner: Any, error: RendererError, status: str, reason: str, attempt: int
) -> None:
    easel.brush.errors = [error]

    job = await easel.draw()

    assert (job.status, job["status_reason"], job.attempt, job["error_code"]) == (status, reason, attempt, error.code)
    assert await owner.fetchval("SELECT count(*) FROM generated_images") == 0


async def test_the_same_key_for_every_automatic_attempt_and_another_after_a_retry(easel: Easel, owner: Any) -> None:
    easel.brush.errors = [RendererError("RENDER_FAILED", "It broke.", retry=code) for code in (True, False)]
    job = await easel.draw()
    await owner.execute("UPDATE image_tasks SET scheduled_at = now()")
    (job,) = await easel.work(await easel.now(job))
    assert job.status == "failed"

    job = await retry(easel.database, KIND, job.id, Bells(), actor="key:test")
    (job,) = await easel.work(job)

    assert job.status == "completed"
    assert easel.brush.keys[0] == easel.brush.keys[1] != easel.brush.keys[2]


async def test_a_store_that_refuses_is_tried_again(easel: Easel, tmp_path: Any) -> None:
    (tmp_path / "files").chmod(0o755)
    (tmp_path / "files" / "default").write_text("a file where the folder should be")

    job = await easel.draw()

    assert (job.status, job["error_code"]) == ("pending", "ARTIFACT_STORE")


async def test_an_uploaded_picture_that_is_gone_fails_for_good(easel: Easel) -> None:
    job = await easel.draw(source_image_id=uuid4())

    assert (job.status, job["error_code"]) == ("failed", "SOURCE_INVALID")


async def test_a_cancel_ends_the_drawing_and_counts_nothing(easel: Easel, owner: Any) -> None:
    easel.brush.gate = asyncio.Event()
    (attempt,) = await easel.claim(await easel.submit())
    running = asyncio.create_task(easel.desk.run(attempt))
    await easel.brush.began.wait()

    await cancel(easel.database, KIND, attempt.job.id, actor="key:test")
    await easel.desk.beat()
    await asyncio.wait_for(running, 10)

    assert (await easel.now(attempt.job)).status == "cancelled"
    assert await owner.fetchval("SELECT count(*) FROM usage_stats") == 0


async def test_done_beats_a_cancel_request(easel: Easel) -> None:
    easel.brush.gate = asyncio.Event()
    (attempt,) = await easel.claim(await easel.submit())
    running = asyncio.create_task(easel.desk.run(attempt))
    await easel.brush.began.wait()

    await cancel(easel.database, KIND, attempt.job.id, actor="key:test")
    easel.brush.gate.set()
    await asyncio.wait_for(running, 10)

    assert (await easel.now(attempt.job)).status == "completed"


async def test_a_killed_workers_task_completes_once(easel: Easel, owner: Any) -> None:
    """Two workers draw it, one after the other; only the one that holds the version leaves anything."""
    easel.brush.gate = asyncio.Event()
    (first,) = await easel.claim(await easel.submit())
    late = asyncio.create_task(easel.desk.run(first))
    await easel.brush.began.wait()
    await owner.execute(
        "UPDATE image_tasks SET status = 'pending', version = version + 1, progress = 0, lease_owner = NULL,"
        " lease_expires_at = NULL, claimed_at = NULL"
    )
    other = Easel(easel.database, easel.store, Brush(), easel.user_id, name="w2")
    (job,) = await other.work(await easel.now(first.job))
    easel.brush.gate.set()
    await asyncio.wait_for(late, 10)

    assert (job.status, job.version) == ("completed", 5)
    counts = "SELECT (SELECT count(*) FROM generated_images), (SELECT sum(image_count) FROM usage_stats)"
    assert tuple(await owner.fetchrow(counts)) == (1, 1)
