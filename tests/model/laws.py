"""What must hold of every job after every step, read in one round trip, and that the model agrees."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from milepost.domain.machine import By, Phase
from milepost.engine.kind import Kind
from tests.model.model import Model

ONE_KIND = """
SELECT '{kind}' AS kind, i.id, to_jsonb(j) AS job, j.lease_expires_at <= now() AS lease_over,
       j.scheduled_at <= now() AS due, j.deadline_at <= now() AS overdue,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(h.version, h.from_status, h.to_status, h.reason, h.actor)
                                  ORDER BY h.version), '[]')
        FROM status_transitions h WHERE h.job_kind = '{kind}' AND h.job_id = i.id) AS steps,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(a.version, a.action, a.actor) ORDER BY a.version, a.id), '[]')
        FROM audit_logs a WHERE a.id > $1 AND a.resource_type = '{kind}' AND a.resource_id = i.id::text
          AND (a.version IS NOT NULL OR a.action = '{kind}.deleted')) AS told
FROM unnest($2::uuid[], $3::text[]) AS given(id, kind) FULL JOIN {table} j ON j.id = given.id,
LATERAL (SELECT coalesce(given.id, j.id)) AS i(id)
WHERE given.kind IS NULL OR given.kind = '{kind}'"""
ROLES = {"key": By.PRODUCER, "worker": By.WORKER, "maintenance": By.MAINTENANCE}


class Reached(NamedTuple):
    """An edge that was really taken, as the history tells it."""

    kind: str
    from_status: str
    to_status: str
    reason: str
    by: str


def sql(kinds: Sequence[Kind]) -> str:
    """$1 the audit row before the first, $2 ids, $3 kinds of all jobs that there should be or were."""
    return "\nUNION ALL".join(ONE_KIND.format(kind=kind.name, table=kind.table.name) for kind in kinds)


def all_edges(kind: Kind) -> set[Reached]:
    return {Reached(kind.name, e.from_status, e.to_status, e.reason, e.by.value) for e in kind.machine.edges}


def taken(row: Any) -> Iterator[Reached]:
    for _, before, after, reason, actor in json.loads(row["steps"]):
        role = ROLES[actor.partition(":")[0]]
        yield Reached(row["kind"], before or "", after, (reason or "").split(" ")[0], role.value)


def broken(kind: Kind, model: Model | None, row: Any) -> Iterator[str]:
    """Everything that is wrong with one job. `model` is None for one that was pruned."""
    told = json.loads(row["told"])
    if model is None:
        if row["job"] is not None or json.loads(row["steps"]):
            yield "is still there, or its history, after it was pruned"
        if [version for version, *_ in told] != [*range(1, len(told)), None]:
            yield f"is gone, and its audit rows do not tell it: {told}"
        return
    if row["job"] is None:
        yield "is gone"
        return
    job = json.loads(row["job"])
    yield from _history(kind, job, row, told)
    yield from _row(kind, job)
    yield from _differs(model, job, row)


def _history(kind: Kind, job: Any, row: Any, told: Any) -> Iterator[str]:
    steps = json.loads(row["steps"])
    if [version for version, *_ in steps] != list(range(1, job["version"] + 1)):
        yield f"versions have a gap, or the row is not at the last: {steps}"
    if [before for _, before, *_ in steps] != [None, *(after for _, _, after, *_ in steps[:-1])]:
        yield f"a transition does not begin where the one before it ended: {steps}"
    if not steps or steps[-1][2] != job["status"]:
        yield f"is {job['status']}, its last transition says otherwise"
    if illegal := set(taken(row)) - all_edges(kind):
        yield f"took edges that the machine has not: {illegal}"
    expected = [[v, f"{kind.name}.{after.lower() if before else 'created'}", who] for v, before, after, _, who in steps]
    if told != expected:
        yield f"has audit rows {told} for transitions {steps}"


def _row(kind: Kind, job: Any) -> Iterator[str]:
    phase = kind.machine.phase(job["status"])
    if (job["lease_owner"] is not None) != (phase is Phase.RUNNING):
        yield f"is {phase.value} and its lease is {job['lease_owner']}"
    if (job["finished_at"] is not None) != phase.terminal:
        yield f"is {phase.value} and finished_at is {job['finished_at']}"
    if not 0 <= job["attempt"] <= job["max_attempts"]:
        yield f"had {job['attempt']} attempts of {job['max_attempts']}"


def _differs(model: Model, job: Any, row: Any) -> Iterator[str]:
    wanted = {name: getattr(model, name) for name in ("status", "version", "attempt", "progress", "asked", "overdue")}
    wanted["holder"] = model.holder[0] if model.holder else None
    found = {name: job[name] for name in ("status", "version", "attempt", "progress")}
    found |= {"asked": job["cancel_requested_at"] is not None, "overdue": row["overdue"], "holder": job["lease_owner"]}
    if model.status == model.machine.queued:
        wanted["due"], found["due"] = model.due, row["due"]
    if model.holder:
        wanted["lease_over"], found["lease_over"] = model.lease_over, row["lease_over"]
    if found != wanted:
        yield f"is {found}, the model says {wanted}"
