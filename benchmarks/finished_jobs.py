"""Fills a tenant's tables with finished jobs, as a year of real life leaves them, by INSERT ... SELECT.

Per job its row, three transitions and three audit rows, in the order of time; 3 in 100 failed; 200 owners. Ids are
UUIDv7 of their moment. What real life has beside that, and this has not: gaps in the pages from rows that moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg

from benchmarks.stage import Place

PART = 20_000
LANES = 2
USERS = 200
TABLES = ("executions", "status_transitions_executions", "audit_logs")
YEAR = "interval '365 days'"

# the year's job number i, of $3 in all, is made at an even pace up to an hour ago
PEOPLE = """
INSERT INTO users (id, name)
SELECT md5('user' || i)::uuid, 'user ' || i FROM generate_series(0, $1 - 1) AS i"""

JOBS = f"""
CREATE TEMP TABLE part ON COMMIT DROP AS
SELECT i, at,
       (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(chance, 1, 3)
        || '8' || substr(chance, 4, 15))::uuid AS id,
       at + make_interval(secs => ('x' || substr(chance, 20, 4))::bit(16)::integer / 65536.0 * 5) AS started,
       at + make_interval(secs => ('x' || substr(chance, 20, 4))::bit(16)::integer / 65536.0 * 5
                               + ('x' || substr(chance, 24, 4))::bit(16)::integer / 65536.0 * 60) AS finished,
       md5('user' || i % {USERS})::uuid AS user_id,
       CASE WHEN i % 100 IN (17, 43, 71) THEN 'FAILED' ELSE 'COMPLETED' END AS status
FROM (SELECT i, md5(i::text) AS chance, now() - interval '1 hour' - {YEAR} * (1 - i / $3::float8) AS at
      FROM generate_series($1::bigint, $2::bigint - 1) AS i) AS moments"""

ROWS = (
    """
INSERT INTO executions (id, status, version, status_reason, status_actor, attempt, scheduled_at, deadline_at, progress,
    error_code, error_message, created_at, started_at, finished_at, updated_at, user_id, prompt, model, max_tokens,
    timeout_seconds, job_name, output, input_tokens, output_tokens, tokens_used, stop_reason, estimated_cost)
SELECT id, status, 3, lower(status), 'worker:bench-' || i % 4, 1, at, at + interval '1 day',
    CASE WHEN status = 'COMPLETED' THEN 100 ELSE 0 END,
    CASE WHEN status = 'FAILED' THEN (ARRAY['PROVIDER_REFUSED', 'TIMEOUT', 'INVALID_OUTPUT'])[1 + i % 3] END,
    CASE WHEN status = 'FAILED' THEN 'The provider gave no answer.' END,
    at, started, finished, finished, user_id, 'Say nothing, for the ' || i || 'th time.', 'offline/extract', 1024, 600,
    'exec-' || right(id::text, 12), CASE WHEN status = 'COMPLETED' THEN 'Nothing was said, ' || i || ' times.' END,
    12, 8, 20, 'end_turn', 0.0001
FROM part ORDER BY i""",
    """
INSERT INTO status_transitions
    (job_kind, job_id, version, from_status, to_status, reason, actor, attempt, transitioned_at)
SELECT 'execution', id, v, (ARRAY[NULL, 'PENDING', 'RUNNING'])[v], (ARRAY['PENDING', 'RUNNING', status])[v],
    (ARRAY['created', 'claimed', lower(status)])[v],
    CASE v WHEN 1 THEN 'key:bench' ELSE 'worker:bench-' || i % 4 END, least(v - 1, 1),
    (ARRAY[at, started, finished])[v]
FROM part, generate_series(1, 3) AS v ORDER BY 9""",
    """
INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor, version, created_at, details)
SELECT user_id::text, 'execution.' || (ARRAY['created', 'running', lower(status)])[v], 'execution', id::text,
    CASE v WHEN 1 THEN 'key:bench' ELSE 'worker:bench-' || i % 4 END, v, (ARRAY[at, started, finished])[v],
    CASE WHEN v = 3 AND status = 'FAILED' THEN jsonb_build_object('from', 'RUNNING', 'to', status, 'attempt', 1) END
FROM part, generate_series(1, 3) AS v ORDER BY 7""",
)


async def fill(place: Place, count: int, filled: Callable[[int], None] = lambda _: None) -> None:
    """Into empty tables. Indexes are kept, triggers rest meanwhile; vacuumed and analysed at the end."""
    owner = await asyncpg.connect(place.owner_url)
    try:
        await owner.execute(PEOPLE.replace("$1", str(USERS)))
        async with _resting_triggers(owner):
            starts = iter(range(0, count, PART))
            await asyncio.gather(*(_lane(place, starts, count, filled) for _ in range(LANES)))
        for table in TABLES:
            await owner.execute(f"VACUUM (ANALYZE) {table}", timeout=1800)
        await owner.execute("CHECKPOINT", timeout=1800)
    finally:
        await owner.close()


async def _lane(place: Place, starts: object, count: int, filled: Callable[[int], None]) -> None:
    connection = await asyncpg.connect(place.owner_url, command_timeout=600)
    await connection.execute("SET synchronous_commit = off; SET session_replication_role = replica")
    try:
        for start in starts:  # type: ignore[attr-defined]
            end = min(start + PART, count)
            async with connection.transaction():
                await connection.execute(JOBS, start, end, count)
                for rows in ROWS:
                    await connection.execute(rows)
            filled(end)
    finally:
        await connection.close()


@asynccontextmanager
async def _resting_triggers(owner: asyncpg.Connection) -> AsyncIterator[None]:
    """Those that are always on; the rest rest by the sessions' role."""
    rows = await owner.fetch(
        "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
        " WHERE tgenabled = 'A' AND tgrelid = ANY ($1::text[]::regclass[])",
        list(TABLES),
    )
    for table, name in rows:
        await owner.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
    yield
    for table, name in rows:
        await owner.execute(f'ALTER TABLE {table} ENABLE ALWAYS TRIGGER "{name}"')
