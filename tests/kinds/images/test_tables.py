"""The tables of image tasks are those of the specification, and their queries have a plan."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import asyncpg
import pytest

from milepost.db import prunes
from milepost.kinds.images import KIND, reads, upkeep
from tests.images_fixtures import Easel

INDEXES = {
    "image_tasks": {
        "pk_image_tasks", "uq_image_tasks_idempotency_key", "ix_image_tasks_due", "ix_image_tasks_finished_at", "ix_image_tasks_waiting_deadline",
        "ix_image_tasks_leased", "ix_image_tasks_owner", "idx_image_tasks_created_at", "idx_image_tasks_status",
        "ix_image_tasks_user_status", "ix_image_tasks_source_image_id", "ix_image_tasks_short_id",
    },
    "generated_images": {
        "pk_generated_images", "uq_generated_images_task_id", "ix_generated_images_user_created",
        "ix_generated_images_sha256", "ix_generated_images_short_id",
    },
    "image_cache": {
        "pk_image_cache", "uq_image_cache_prompt_hash", "ix_image_cache_expires_at", "ix_image_cache_user_id",
        "ix_image_cache_image_url",
    },
    "usage_stats": {"pk_usage_stats", "uq_usage_stats_user_id_date", "ix_usage_stats_date"},
}  # fmt: skip
FILL = """
ALTER TABLE image_tasks DISABLE TRIGGER USER;
INSERT INTO users (id) SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid FROM generate_series(0, 99) n;
INSERT INTO image_tasks (status, user_id, data, result, progress, created_at, deadline_at, finished_at)
SELECT 'completed', ('00000000-0000-0000-0000-' || lpad((n % 100)::text, 12, '0'))::uuid, '{}', '{}', 100,
       now() - n * interval '1 minute', now() + interval '1 day', now() - n * interval '1 minute'
FROM generate_series(1, 9000) n;
INSERT INTO generated_images (user_id, image_url, prompt, title, character_name, attribute, rarity, background_color,
    effects, style, sha256, renderer_version, width, height, created_at)
SELECT ('00000000-0000-0000-0000-' || lpad((n % 100)::text, 12, '0'))::uuid, 'x', 'p', 't', 'c', 'a', 'r', 'red', '{}',
    '{}', lpad(n::text, 64, '0'), 'v', 1, 1, now() - n * interval '1 minute'
FROM generate_series(1, 30000) n;
INSERT INTO image_cache (prompt_hash, image_url, expires_at)
SELECT lpad(n::text, 64, '0'), '/v1/image_files/' || n, now() + (n - 500) * interval '1 minute'
FROM generate_series(1, 20000) n;
INSERT INTO usage_stats (user_id, date)
SELECT ('00000000-0000-0000-0000-' || lpad((n % 100)::text, 12, '0'))::uuid, '2026-01-01'::date - n / 100
FROM generate_series(0, 19999) n;
ANALYZE image_tasks, generated_images, image_cache, usage_stats;"""
SOMEBODY = UUID("00000000-0000-0000-0000-000000000007")


async def test_these_indexes_and_no_others(owner: Any) -> None:
    for table, names in INDEXES.items():
        rows = await owner.fetch("SELECT indexname FROM pg_indexes WHERE tablename = $1", table)
        assert {row[0] for row in rows} == names


@pytest.mark.slow
async def test_each_query_has_its_index(owner: Any) -> None:
    await owner.execute(FILL)
    queries = {
        "ix_generated_images_user_created": (reads.HISTORY, [SOMEBODY, None, None, 21, 0]),
        "ix_generated_images_short_id": (reads.ENDING, [SOMEBODY, "00000007"]),
        "ix_generated_images_sha256": (reads.HAS, ["0" * 64, SOMEBODY]),
        "uq_usage_stats_user_id_date": (reads.USAGE, [SOMEBODY, _day("2025-12-01"), _day("2026-01-01")]),
        "ix_image_cache_expires_at": (upkeep.EXPIRED, [1000]),
        "idx_image_tasks_created_at": (
            prunes.due_jobs(KIND.table, "created_at"), [KIND.policy.retention.keep, 200, []]  # type: ignore[union-attr]
        ),
        "ix_image_tasks_user_status": (
            "SELECT count(*) FROM image_tasks WHERE user_id = $1 AND status = $2", [SOMEBODY, "processing"]
        ),
    }  # fmt: skip
    for index, (sql, arguments) in queries.items():
        plan = "\n".join(row[0] for row in await owner.fetch(f"EXPLAIN {sql}", *arguments))
        assert index in plan, plan
        assert "Seq Scan" not in plan, plan


@pytest.mark.slow
async def test_the_sweeps_question_reads_no_whole_table(owner: Any) -> None:
    await owner.execute(FILL)
    names = [f"{number:064d}" for number in range(50)]
    urls = [f"/v1/image_files/{name}.png" for name in names]

    plan = "\n".join(row[0] for row in await owner.fetch(f"EXPLAIN {upkeep.NAMED}", names, urls, [UUID(int=1)]))

    assert "Seq Scan" not in plan, plan


def _day(text: str) -> Any:
    from datetime import date

    return date.fromisoformat(text)


REFUSED = [
    ("image_tasks", "result = '{}'", "ck_image_tasks_result"),
    ("image_tasks", "data = '[]'", "ck_image_tasks_data"),
    ("image_tasks", "data = jsonb_build_object('a', repeat('x', 32770))", "ck_image_tasks_data"),
    ("image_tasks", "timeout_seconds = 601", "ck_image_tasks_timeout_limit"),
    ("image_tasks", "tokens_used = -1", "ck_image_tasks_tokens_used"),
    ("image_tasks", "user_id = gen_random_uuid()", "fk_image_tasks_user_id_users"),
    ("image_tasks", "user_id = NULL", "user_id"),
]


@pytest.mark.parametrize(("table", "change", "rule"), REFUSED)
async def test_a_value_beyond_its_bounds_is_refused(
    easel: Easel, owner: Any, table: str, change: str, rule: str
) -> None:
    await easel.submit()

    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=rule):
        await owner.execute(f"UPDATE {table} SET {change}")


async def test_a_completed_task_is_at_a_hundred_with_its_result(easel: Easel, owner: Any) -> None:
    job = await easel.draw()

    for change in ("progress = 99", "result = NULL"):
        with pytest.raises(asyncpg.PostgresError):
            await owner.execute(f"UPDATE image_tasks SET {change} WHERE id = $1", job.id)


async def test_progress_may_not_fall_while_the_version_stays(easel: Easel, owner: Any) -> None:
    await easel.claim(await easel.submit())

    with pytest.raises(asyncpg.PostgresError) as caught:
        await owner.execute("UPDATE image_tasks SET progress = 0")

    assert caught.value.sqlstate == "MP004"
