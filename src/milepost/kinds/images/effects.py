"""The rows that an image task's transitions bring: the picture, its place in the cache, the day's statistics."""

from __future__ import annotations

from milepost.domain.job import Job
from milepost.domain.transition import Effect, EffectStatement, Transition

# one array per column, $1 being the ids of the tasks; ranks are the order of locks
GENERATED_IMAGE = EffectStatement(
    name="generated_image",
    rank=20,
    sql="""
INSERT INTO generated_images (task_id, id, user_id, image_url, prompt, title, character_name, attribute, rarity,
    background_color, source_image_url, effects, style, sha256, renderer_version, width, height, cached)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::jsonb[], $13::jsonb[], $14::text[], $15::text[], $16::integer[],
    $17::integer[], $18::boolean[])""",
)

# The first row of a key is kept, unless it has expired or the task says that it must go ($7 is its key then): its
# file was gone, or its owner wanted a new picture.
CACHED_IMAGE = EffectStatement(
    name="image_cache",
    rank=25,
    sql="""
INSERT INTO image_cache (prompt_hash, image_url, metadata, user_id, expires_at)
SELECT DISTINCT ON (n.prompt_hash) n.prompt_hash, n.image_url, n.metadata, n.user_id,
    now() + make_interval(secs => n.seconds)
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::uuid[], $6::float8[])
    AS n(task_id, prompt_hash, image_url, metadata, user_id, seconds)
ORDER BY n.prompt_hash, n.task_id
ON CONFLICT (prompt_hash) DO UPDATE
SET image_url = excluded.image_url, metadata = excluded.metadata, expires_at = excluded.expires_at, created_at = now()
WHERE image_cache.expires_at <= now() OR image_cache.prompt_hash = ANY ($7::text[])""",
)

USAGE = EffectStatement(
    name="usage_stats",
    rank=30,
    sql="""
INSERT INTO usage_stats AS held (user_id, date, image_count, success_count, failure_count, total_tokens)
SELECT n.user_id, (now() AT TIME ZONE 'UTC')::date, sum(n.images), sum(n.images), sum(n.failures), sum(n.tokens)
FROM unnest($1::uuid[], $2::uuid[], $3::integer[], $4::integer[], $5::integer[])
    AS n(task_id, user_id, images, failures, tokens)
GROUP BY n.user_id
ORDER BY n.user_id
ON CONFLICT (user_id, date) DO UPDATE
SET image_count = held.image_count + excluded.image_count,
    success_count = held.success_count + excluded.success_count,
    failure_count = held.failure_count + excluded.failure_count,
    total_tokens = held.total_tokens + excluded.total_tokens""",
)


def effects(job: Job, transition: Transition) -> tuple[Effect, ...]:
    """Every end that is no cancel counts once, whoever makes it."""
    end = transition.edge.to_status
    if end not in {"completed", "failed"}:
        return ()
    completed = end == "completed"
    tokens = transition.columns.get("tokens_used", job["tokens_used"])
    return (Effect(USAGE, (job.user_id, int(completed), int(not completed), tokens)),)
