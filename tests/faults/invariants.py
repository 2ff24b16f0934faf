"""What must hold after every fault, as SQL: each query answers the rows that break it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

ENDED = "('COMPLETED', 'FAILED', 'CANCELLED')"
RETRY = "h.reason = 'retry' OR h.reason LIKE 'retry %'"
# every transition beside the one before it
STEPS = """
(SELECT s.*, lag(to_status) OVER w AS before, lag(actor) OVER w AS actor_before, row_number() OVER w AS number,
        last_value(version) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last
 FROM status_transitions s WINDOW w AS (PARTITION BY job_kind, job_id ORDER BY version)) AS h"""

INVARIANTS = {
    "I2 every job has ended": f"SELECT id, status, version FROM executions WHERE status NOT IN {ENDED}",
    "I3 every transition is legal, and begins where the one before it ended": f"""
        SELECT h.job_id, h.version, h.from_status, h.to_status FROM {STEPS}
        LEFT JOIN legal_transitions l ON l.job_kind = h.job_kind AND l.to_status = h.to_status
             AND l.from_status = coalesce(h.from_status, '')
        WHERE l.job_kind IS NULL OR h.from_status IS DISTINCT FROM h.before""",
    "I4 versions have no gap, and the job is at the last": f"""
        SELECT h.job_id, h.version FROM {STEPS} LEFT JOIN executions j ON j.id = h.job_id
        WHERE h.version <> h.number OR (h.version = h.last AND h.version IS DISTINCT FROM j.version)
        UNION ALL
        SELECT id, version FROM executions j
        WHERE NOT EXISTS (SELECT FROM status_transitions s WHERE s.job_id = j.id)""",
    "I5 nothing follows an end but an explicit retry, and the job is what its last transition says": f"""
        SELECT h.job_id, h.version FROM {STEPS} LEFT JOIN executions j ON j.id = h.job_id
        WHERE (h.before IN {ENDED} AND NOT ({RETRY}))
           OR (h.version = h.last AND h.to_status IS DISTINCT FROM j.status)""",
    "I6 every transition has one audit row, and every audit row its transition": """
        SELECT s.job_id, s.version, a.resource_id, a.version FROM status_transitions s
        FULL JOIN (SELECT resource_id, version, count(*) AS times FROM audit_logs
                   WHERE resource_type = 'execution' AND version IS NOT NULL GROUP BY 1, 2) a
             ON a.resource_id = s.job_id::text AND a.version = s.version
        WHERE a.times IS DISTINCT FROM 1 OR s.job_id IS NULL""",
    "I8 no two jobs have one idempotency key": """
        SELECT idempotency_key, count(*), array_agg(id) FROM executions
        WHERE idempotency_key IS NOT NULL GROUP BY 1 HAVING count(*) > 1""",
    "I11 no worker moved a job that another one had claimed": f"""
        SELECT h.job_id, h.version, h.actor, h.actor_before FROM {STEPS}
        WHERE h.before = 'RUNNING' AND h.actor LIKE 'worker:%' AND h.actor <> h.actor_before""",
    "I12 no job had more attempts than it may": "SELECT id, attempt FROM executions WHERE attempt > max_attempts",
}

ACCEPTED = """
SELECT accepted.id FROM unnest($1::uuid[]) AS accepted(id)
LEFT JOIN executions j ON j.id = accepted.id WHERE j.id IS NULL"""


async def broken(owner: Any, acknowledged: Collection[UUID]) -> dict[str, list[Any]]:
    """The invariants that do not hold, with the rows that show it. `acknowledged`: ids that a client was promised."""
    found = {name: await owner.fetch(sql) for name, sql in INVARIANTS.items()}
    found["I1 every acknowledged job is stored"] = await owner.fetch(ACCEPTED, list(acknowledged))
    return {name: [tuple(row) for row in rows[:5]] for name, rows in found.items() if rows}
