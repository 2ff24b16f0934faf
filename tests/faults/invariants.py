"""What must hold after every fault, as SQL: each query answers the rows that break it.

`$1` narrows a query to some jobs; NULL means all. What holds at every moment is in `ALWAYS`, the rest in `AT_REST`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from tests.faults.answers import wrong_answers

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


class Invariant(NamedTuple):
    """`number`: I1, I2 …; empty where it has none."""

    number: str
    says: str

    def __str__(self) -> str:
        return f"{self.number} {self.says}".strip()


@dataclass(frozen=True, slots=True)
class Promise:
    """A job that a client was promised, with what is known of the one that was asked for: its kind, and its own tag."""

    id: UUID
    kind: str | None = None
    tag: str | None = None


ALWAYS: Mapping[Invariant, str] = {
    Invariant("I3", "every transition is legal, and begins where the one before it ended"): f"""
        SELECT h.job_id, h.version, h.from_status, h.to_status FROM {STEPS}
        LEFT JOIN legal_transitions l ON l.job_kind = h.job_kind AND l.to_status = h.to_status
             AND l.from_status = coalesce(h.from_status, '')
        WHERE l.job_kind IS NULL OR h.from_status IS DISTINCT FROM h.before""",
    Invariant("I4", "versions have no gap, and the job is at the last"): f"""
        SELECT h.job_id, h.version FROM {STEPS} LEFT JOIN {JOBS} j ON j.id = h.job_id AND j.kind = h.job_kind
        WHERE h.version <> h.number OR (h.version = h.last AND h.version IS DISTINCT FROM j.version)
        UNION ALL
        SELECT id, version FROM {JOBS} j
        WHERE {SOME} AND NOT EXISTS (SELECT FROM status_transitions s WHERE s.job_id = j.id)""",
    Invariant("I5", "nothing follows an end but an explicit retry, and the job is what its last transition says"): f"""
        SELECT h.job_id, h.version FROM {STEPS} LEFT JOIN {JOBS} j ON j.id = h.job_id AND j.kind = h.job_kind
        WHERE (upper(h.before) IN {ENDED} AND NOT ({RETRY}))
           OR (h.version = h.last AND h.to_status IS DISTINCT FROM j.status)""",
    Invariant("I6", "every transition has one audit row, and every audit row its transition"): """
        SELECT s.job_id, s.version, a.resource_id, a.version
        FROM (SELECT * FROM status_transitions WHERE $1::uuid[] IS NULL OR job_id = ANY ($1)) s
        FULL JOIN (SELECT resource_type, resource_id, version, count(*) AS times FROM audit_logs
                   WHERE resource_type IN ('execution', 'image_task') AND version IS NOT NULL
                     AND ($1::uuid[] IS NULL OR resource_id = ANY ($1::text[]))
                   GROUP BY 1, 2, 3) a
             ON a.resource_id = s.job_id::text AND a.version = s.version AND a.resource_type = s.job_kind
        WHERE a.times IS DISTINCT FROM 1 OR s.job_id IS NULL""",
    Invariant("I8", "no two jobs have one idempotency key"): f"""
        SELECT j.kind, j.idempotency_key, count(*), array_agg(j.id) FROM {JOBS} j
        WHERE j.idempotency_key IN (SELECT j.idempotency_key FROM {JOBS} j WHERE {SOME})
        GROUP BY 1, 2 HAVING count(*) > 1""",
    Invariant("I11", "no worker moved a job that another one had claimed"): f"""
        SELECT h.job_id, h.version, h.actor, h.actor_before FROM {STEPS}
        WHERE upper(h.before) IN {RUNNING} AND h.actor LIKE 'worker:%' AND h.actor <> h.actor_before""",
    Invariant("I11", "no worker noted or renewed anything of a job that was no longer its own"): """
        SELECT l.job_id, l.version, l.writer, l.holder FROM fault_late_writes l
        WHERE $1::uuid[] IS NULL OR l.job_id = ANY ($1)""",
    Invariant("I12", "no job had more attempts than it may"): f"""
        SELECT j.id, j.attempt FROM {JOBS} j WHERE {SOME} AND j.attempt > j.max_attempts""",
    Invariant("I18", "nothing took less than no time"): f"""
        SELECT j.id, j.version, j.created_at, j.started_at, j.finished_at FROM {JOBS} j
        WHERE {SOME} AND (j.started_at < j.created_at OR j.finished_at < j.started_at OR j.claimed_at < j.started_at)
        UNION ALL
        SELECT h.job_id, h.version, h.before_at, h.transitioned_at, NULL FROM {STEPS}
        WHERE h.transitioned_at < h.before_at""",
}
AT_REST: Mapping[Invariant, str] = {
    Invariant("I2", "every job has ended"): f"""
        SELECT j.id, j.status, j.version FROM {JOBS} j WHERE {SOME} AND upper(j.status) NOT IN {ENDED}""",
}

OWN_ANSWER = Invariant("I10", "a job that completed has the answer to its own prompt")
STORED = Invariant("I1", "every acknowledged job is stored")
ACCEPTED = "unnest($1::uuid[], $2::text[], $3::text[]) AS accepted(id, kind, tag)"
PROMISES: Mapping[Invariant, str] = {
    STORED: f"""
        SELECT accepted.id FROM {ACCEPTED} LEFT JOIN {JOBS} j ON j.id = accepted.id WHERE j.id IS NULL""",
    Invariant("I1", "the id that was answered is of the job that was asked for"): f"""
        SELECT accepted.id, accepted.kind, accepted.tag, j.kind, j.tag
        FROM {ACCEPTED} JOIN (SELECT j.id, j.kind, e.metadata->>'tag' AS tag FROM {JOBS} j LEFT JOIN executions e USING (id)) j
             ON j.id = accepted.id
        WHERE accepted.kind <> j.kind OR (accepted.tag IS NOT NULL AND accepted.tag IS DISTINCT FROM j.tag)""",
}


async def broken(owner: Any, promised: Collection[Promise]) -> dict[Invariant, list[Any]]:
    """The invariants that do not hold, with the first five rows that show it."""
    found = await counterexamples(owner, {**AT_REST, **ALWAYS}, promised)
    found[OWN_ANSWER] = await wrong_answers(owner)
    return {invariant: [tuple(row) for row in rows[:5]] for invariant, rows in found.items() if rows}


async def counterexamples(
    owner: Any,
    invariants: Mapping[Invariant, str],
    promised: Collection[Promise],
    some: Collection[UUID] | None = None,
) -> dict[Invariant, list[Any]]:
    """Every row that breaks an invariant or a promise; the invariants of `some` jobs only, if they are named."""
    ids = None if some is None else list(some)
    found = {invariant: await owner.fetch(sql, ids) for invariant, sql in invariants.items()}
    columns = [[getattr(one, name) for one in promised] for name in ("id", "kind", "tag")]
    found |= {invariant: await owner.fetch(sql, *columns) for invariant, sql in PROMISES.items()}
    return {invariant: rows for invariant, rows in found.items() if rows}
