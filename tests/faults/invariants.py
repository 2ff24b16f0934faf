"""What must hold after every fault, as SQL: each query answers the rows that break it.

`$1` narrows a query to some jobs; NULL means all. What holds at every moment is in `ALWAYS`, the rest in `AT_REST`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

ENDED = "('COMPLETED', 'FAILED', 'CANCELLED')"
RUNNING = "('RUNNING', 'PROCESSING')"
RETRY = "h.reason = 'retry' OR h.reason LIKE 'retry %'"
COLUMNS = """id, status, version, attempt, max_attempts, idempotency_key, created_at, started_at, claimed_at, finished_at,
    lease_owner"""
# of every kind
JOBS = f"""
(SELECT 'execution' AS kind, {COLUMNS} FROM executions UNION ALL SELECT 'image_task', {COLUMNS} FROM image_tasks)"""
# every transition beside the one before it
STEPS = """
(SELECT s.*, lag(to_status) OVER w AS before, lag(actor) OVER w AS actor_before, row_number() OVER w AS number,
        lag(transitioned_at) OVER w AS before_at,
        last_value(version) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last
 FROM status_transitions s WHERE $1::uuid[] IS NULL OR s.job_id = ANY ($1)
 WINDOW w AS (PARTITION BY job_kind, job_id ORDER BY version)) AS h"""
SOME = "($1::uuid[] IS NULL OR j.id = ANY ($1))"

ALWAYS = {
    "I3 every transition is legal, and begins where the one before it ended": f"""
        SELECT h.job_id, h.version, h.from_status, h.to_status FROM {STEPS}
        LEFT JOIN legal_transitions l ON l.job_kind = h.job_kind AND l.to_status = h.to_status
             AND l.from_status = coalesce(h.from_status, '')
        WHERE l.job_kind IS NULL OR h.from_status IS DISTINCT FROM h.before""",
    "I4 versions have no gap, and the job is at the last": f"""
        SELECT h.job_id, h.version FROM {STEPS} LEFT JOIN {JOBS} j ON j.id = h.job_id AND j.kind = h.job_kind
        WHERE h.version <> h.number OR (h.version = h.last AND h.version IS DISTINCT FROM j.version)
        UNION ALL
        SELECT id, version FROM {JOBS} j
        WHERE {SOME} AND NOT EXISTS (SELECT FROM status_transitions s WHERE s.job_id = j.id)""",
    "I5 nothing follows an end but an explicit retry, and the job is what its last transition says": f"""
        SELECT h.job_id, h.version FROM {STEPS} LEFT JOIN {JOBS} j ON j.id = h.job_id AND j.kind = h.job_kind
        WHERE (upper(h.before) IN {ENDED} AND NOT ({RETRY}))
           OR (h.version = h.last AND h.to_status IS DISTINCT FROM j.status)""",
    "I6 every transition has one audit row, and every audit row its transition": """
        SELECT s.job_id, s.version, a.resource_id, a.version
        FROM (SELECT * FROM status_transitions WHERE $1::uuid[] IS NULL OR job_id = ANY ($1)) s
        FULL JOIN (SELECT resource_type, resource_id, version, count(*) AS times FROM audit_logs
                   WHERE resource_type IN ('execution', 'image_task') AND version IS NOT NULL
                     AND ($1::uuid[] IS NULL OR resource_id = ANY ($1::text[]))
                   GROUP BY 1, 2, 3) a
             ON a.resource_id = s.job_id::text AND a.version = s.version AND a.resource_type = s.job_kind
        WHERE a.times IS DISTINCT FROM 1 OR s.job_id IS NULL""",
    "I8 no two jobs have one idempotency key": f"""
        SELECT j.kind, j.idempotency_key, count(*), array_agg(j.id) FROM {JOBS} j
        WHERE j.idempotency_key IN (SELECT j.idempotency_key FROM {JOBS} j WHERE {SOME})
        GROUP BY 1, 2 HAVING count(*) > 1""",
    "I11 no worker moved a job that another one had claimed": f"""
        SELECT h.job_id, h.version, h.actor, h.actor_before FROM {STEPS}
        WHERE upper(h.before) IN {RUNNING} AND h.actor LIKE 'worker:%' AND h.actor <> h.actor_before""",
    "I12 no job had more attempts than it may": f"""
        SELECT j.id, j.attempt FROM {JOBS} j WHERE {SOME} AND j.attempt > j.max_attempts""",
    "I18 nothing took less than no time": f"""
        SELECT j.id, j.version, j.created_at, j.started_at, j.finished_at FROM {JOBS} j
        WHERE {SOME} AND (j.started_at < j.created_at OR j.finished_at < j.started_at OR j.claimed_at < j.started_at)
        UNION ALL
        SELECT h.job_id, h.version, h.before_at, h.transitioned_at, NULL FROM {STEPS}
        WHERE h.transitioned_at < h.before_at""",
}
AT_REST = {
    "I2 every job has ended": f"""
        SELECT j.id, j.status, j.version FROM {JOBS} j WHERE {SOME} AND upper(j.status) NOT IN {ENDED}""",
}

ACCEPTED = f"""
SELECT accepted.id FROM unnest($1::uuid[]) AS accepted(id) LEFT JOIN {JOBS} j ON j.id = accepted.id WHERE j.id IS NULL"""


async def broken(owner: Any, acknowledged: Collection[UUID]) -> dict[str, list[Any]]:
    """The invariants that do not hold, with the rows that show it. `acknowledged`: ids that a client was promised."""
    return named(await counterexamples(owner, {**AT_REST, **ALWAYS}, acknowledged))


async def counterexamples(
    owner: Any, invariants: dict[str, str], acknowledged: Collection[UUID], some: Collection[UUID] | None = None
) -> dict[str, list[Any]]:
    """Every row that breaks an invariant; of `some` jobs only, if they are named."""
    ids = None if some is None else list(some)
    found = {name: await owner.fetch(sql, ids) for name, sql in invariants.items()}
    found["I1 every acknowledged job is stored"] = await owner.fetch(ACCEPTED, list(acknowledged))
    return {name: rows for name, rows in found.items() if rows}


def named(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The first five rows of each."""
    return {name: [tuple(row) for row in rows[:5]] for name, rows in found.items()}
