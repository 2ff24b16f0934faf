"""Clean-up removes exactly what is due: tasks by their creation, cache rows by their expiry, files that nobody names."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from milepost.db.tenants import TenantDatabase, open_database
from milepost.engine.maintain import ticks
from milepost.engine.prune import prune_jobs, sweep_files
from milepost.kinds.images import KIND
from milepost.kinds.images.upkeep import expire_cache
from milepost.storage import paths
from tests.db_fixtures import OPTIONS, Urls
from tests.images_fixtures import Easel, png

DAY = 24 * 3600


@pytest.fixture
async def maintenance(urls: Urls) -> Any:
    opened = await open_database("default", urls.maintenance, OPTIONS)
    yield opened
    await opened.close()


async def test_exactly_the_ended_tasks_of_more_than_seven_days_go(
    easel: Easel, maintenance: TenantDatabase, owner: Any
) -> None:
    old, young, waiting = await easel.draw(), await easel.draw(seed=1), await easel.submit()
    ages = {old.id: "7 days", young.id: "7 days -1 second", waiting.id: "8 days"}
    for job_id, age in ages.items():
        await owner.execute(f"UPDATE image_tasks SET created_at = now() - interval '{age}' WHERE id = $1", job_id)
    await owner.execute("UPDATE image_tasks SET finished_at = now() WHERE status = 'completed'")

    assert await prune_jobs(maintenance, KIND, easel.store, actor="maintenance:m1") == 1

    assert {row[0] for row in await owner.fetch("SELECT id FROM image_tasks")} == {young.id, waiting.id}
    rows = await owner.fetch("SELECT task_id FROM generated_images")
    assert {row[0] for row in rows} == {None, young.id}
    audit = "SELECT actor FROM audit_logs WHERE resource_id = $1 AND action = 'image_task.deleted'"
    assert await owner.fetchval(audit, str(old.id)) == "maintenance:m1"


async def test_exactly_the_expired_cache_rows_go(easel: Easel, maintenance: TenantDatabase, owner: Any) -> None:
    for number, age in enumerate(("-1 second", "1 hour", "-9 days")):
        await owner.execute(
            "INSERT INTO image_cache (prompt_hash, image_url, expires_at)"
            f" VALUES (lpad($1::text, 64, '0'), 'x', now() + interval '{age}')",
            str(number),
        )

    assert await expire_cache(maintenance, limit=1) == 2
    assert await expire_cache(maintenance) == 0

    assert [row[0][-1] for row in await owner.fetch("SELECT prompt_hash FROM image_cache")] == ["1"]


def age_of_two_days(root: Path) -> None:
    then = time.time() - 2 * DAY
    for file in root.rglob("*"):
        os.utime(file, (then, then))


async def files(easel: Easel) -> set[str]:
    return {found.path async for found in easel.store.list()}


async def test_the_sweep_leaves_every_file_that_a_row_names(
    easel: Easel, maintenance: TenantDatabase, owner: Any, tmp_path: Path
) -> None:
    have, cached, source, orphan = "ab" * 32, "cd" * 32, uuid4(), "ef" * 32
    wanted = {paths.image_file("default", have), paths.image_file("default", cached)}
    wanted.add(paths.image_source("default", easel.user_id, source))
    lost = {paths.image_file("default", orphan), paths.image_source("default", easel.user_id, uuid4())}
    for path in wanted | lost:
        await easel.store.put(path, png(1))
    await easel.draw(source_image_id=source)
    await owner.execute("UPDATE generated_images SET sha256 = $1", have)
    await owner.execute("UPDATE image_cache SET image_url = $1", f"/v1/image_files/{cached}.png")
    await owner.execute("UPDATE image_tasks SET source_image_id = $1", source)

    await sweep_files(maintenance, KIND, easel.store)
    assert wanted | lost <= await files(easel), "everything is younger than a day"
    age_of_two_days(tmp_path / "files")
    await sweep_files(maintenance, KIND, easel.store)

    left = await files(easel)
    assert wanted <= left
    assert not lost & left


async def test_maintenance_has_these_duties(easel: Easel, maintenance: TenantDatabase, owner: Any) -> None:
    duties: Any = {tick.name: tick for tick in ticks(maintenance, (KIND,), easel.bells, easel.store, actor="m")}  # type: ignore[arg-type]
    await owner.execute(
        "INSERT INTO image_cache (prompt_hash, image_url, expires_at) VALUES (repeat('a', 64), 'x', now())"
    )

    assert await duties["expire cached images"].run() == 1
    assert {"prune images", "sweep files of images"} <= duties.keys()


async def test_the_application_may_delete_pictures_and_nothing_else(easel: Easel, owner: Any) -> None:
    rights = await owner.fetch(
        "SELECT table_name FROM information_schema.role_table_grants WHERE grantee = 'milepost_app'"
        " AND privilege_type = 'DELETE' AND table_name IN"
        " ('image_tasks', 'generated_images', 'image_cache', 'usage_stats')"
    )
    assert [row[0] for row in rights] == ["generated_images"]
