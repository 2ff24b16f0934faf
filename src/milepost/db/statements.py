"""The array statements of the ledger, as text. Built once per shape; values never enter the text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache

from milepost.db.job_table import JobTable
from milepost.domain.machine import By, Edge, Guard, Phase

STAMPS = ("created_at", "updated_at", "scheduled_at", "deadline_at")

NO_LEASE = (
    "lease_owner = NULL", "lease_expires_at = NULL", "claimed_at = NULL", "expected_at = NULL", "promised_at = NULL",
)  # fmt: skip

# a worker claims in groups by a statement of its own; a remote runner claims one job by a transition that names it
# as lease_owner among its columns
RUNNER_CLAIM = ("started_at = coalesce(j.started_at, now())", "claimed_at = now()")
NO_ERROR = ("error_code = NULL", "error_message = NULL")

# The job is found by its id and by nothing else. A plain AND would let the planner weigh the other conditions, and on
# a fresh install, whose tables were never analysed, it believes that they leave one row: it would walk the whole
# backlog for every group. A CASE it can neither index nor estimate.
ONLY_BY_ID = "j.id = m.id AND CASE WHEN {0} THEN true ELSE false END"

GUARDS = {
    Guard.DUE: "j.scheduled_at <= now() AND j.deadline_at > now()",
    Guard.NO_CANCEL: "j.cancel_requested_at IS NULL",
    Guard.CANCEL_REQUESTED: "j.cancel_requested_at IS NOT NULL",
    Guard.LEASE_EXPIRED: "j.lease_expires_at <= now()",
    Guard.UNHELD: "(j.lease_owner IS NULL OR j.lease_expires_at <= now())",
    # with a grace of maintenance's own: the worker's clock runs out first
    Guard.OVERDUE: "(j.deadline_at <= now()"
    " OR j.claimed_at <= now() - make_interval(secs => j.timeout_seconds) - {overdue_grace})",
}


def guard(table: JobTable, which: Guard) -> str:
    """The condition, with the waits of the kind's policy in it."""
    return GUARDS[which].format(overdue_grace=interval(table.policy.lease.overdue_grace))


def runner_lease(table: JobTable) -> str:
    """When the lease ends that a remote runner gets or renews now."""
    return f"now() + {interval(table.policy.lease.length)}"


def interval(length: timedelta) -> str:
    return f"interval '{length.total_seconds():f} seconds'"


@lru_cache(maxsize=1024)
def submit(table: JobTable, columns: tuple[str, ...]) -> str:
    """$1 ids, $2 lives in seconds, then an array for each of the columns. Conflicts are left out."""
    types = ["uuid[]", "integer[]", *(table.array_type(column) for column in columns)]
    arrays = ", ".join(f"${i}::{kind}" for i, kind in enumerate(types, 1))
    copied = [column for column in columns if column != "scheduled_at"]
    # a time that has passed means now: the time to wait in the queue begins when the job is there
    due = "greatest(n.scheduled_at, now())" if "scheduled_at" in columns else "now()"
    return f"""
INSERT INTO {table.name} ({", ".join(["id", *copied])}, scheduled_at, deadline_at, status_reason)
SELECT {", ".join(f"n.{column}" for column in ["id", *copied])},
       {due}, {due} + make_interval(secs => n.life), 'created'
FROM unnest({arrays}) AS n({", ".join(["id", "life", *columns])})
ON CONFLICT DO NOTHING
RETURNING id, {", ".join(STAMPS)}"""


@lru_cache(maxsize=256)
def existing(table: JobTable) -> str:
    """$1 ids, $2 idempotency keys: the rows that a submit found in its way."""
    return f"SELECT * FROM {table.name} WHERE id = ANY ($1::uuid[]) OR idempotency_key = ANY ($2::text[])"


@lru_cache(maxsize=256)
def present(table: JobTable) -> str:
    """$1 id: the row as it is now."""
    return f"SELECT * FROM {table.name} WHERE id = $1"


@lru_cache(maxsize=256)
def present_now(table: JobTable) -> str:
    """$1 id: the same, and `asked_at`, when that is."""
    return f"SELECT *, now() AS asked_at FROM {table.name} WHERE id = $1"


@lru_cache(maxsize=256)
def claim(table: JobTable) -> str:
    """$1 ids, $2 versions, $3 worker, $4 lease in seconds."""
    machine = table.machine
    return f"""
UPDATE {table.name} AS j
SET status = '{machine.running}', version = j.version + 1, status_reason = 'claimed',
    status_actor = 'worker:' || $3::text, attempt = j.attempt + 1, started_at = coalesce(j.started_at, now()),
    claimed_at = now(), lease_owner = $3, lease_expires_at = now() + make_interval(secs => $4::float8)
    {_kind_sets(table, "claimed")}
FROM unnest($1::uuid[], $2::integer[]) AS m(id, version)
WHERE {ONLY_BY_ID.format(f"j.version = m.version AND j.status = '{machine.queued}' AND {GUARDS[Guard.DUE]}")}
RETURNING j.*"""


@lru_cache(maxsize=256)
def refused_claims(table: JobTable) -> str:
    """$1 ids, $2 versions, $3 worker: of the bells that led to no claim, those that still mean something.

    What waits is told whether it is due or not: it may have become due since the claim.
    """
    machine = table.machine
    return f"""
SELECT j.*, j.status = '{machine.queued}' AS waits, greatest(j.scheduled_at, now()) AS again_at
FROM unnest($1::uuid[], $2::integer[]) AS m(id, version)
JOIN {table.name} j ON j.id = m.id
WHERE (j.version = m.version AND j.status = '{machine.queued}' AND j.deadline_at > now())
   OR (j.version = m.version + 1 AND j.status = '{machine.running}' AND j.lease_owner = $3)"""


@lru_cache(maxsize=1024)
def move(
    table: JobTable, edge: Edge, columns: tuple[str, ...], attempt_step: int, *, noted: bool, delayed: bool
) -> str:
    """$1 ids, $2 versions, $3 actors, then reasons if noted, delays in seconds if delayed, then the columns."""
    arrays = [("id", "uuid[]"), ("version", "integer[]"), ("actor", "text[]")]
    arrays += [("reason", "text[]")] * noted + [("delay", "float8[]")] * delayed
    arrays += [(f"c_{column}", table.array_type(column)) for column in columns]
    given = ", ".join(f"${i}::{kind}" for i, (_, kind) in enumerate(arrays, 1))
    sets = [
        f"status = '{edge.to_status}'",
        "version = j.version + 1",
        "status_reason = m.reason" if noted else f"status_reason = '{edge.reason}'",
        "status_actor = m.actor",
        *_unless_given(_phase_sets(table, edge, delayed=delayed, skip=columns), columns),
        *(f"{column} = m.c_{column}" for column in columns),
    ]
    if attempt_step:
        sets.append(f"attempt = j.attempt + ({attempt_step})")
    where = ["j.version = m.version", f"j.status = '{edge.from_status}'"]
    where += [guard(table, which) for which in sorted(edge.guards)]
    return f"""
UPDATE {table.name} AS j
SET {", ".join(sets)}{_kind_sets(table, edge.reason, skip=columns)}{_abandoned_sets(table, edge)}
FROM unnest({given}) AS m({", ".join(name for name, _ in arrays)})
WHERE {ONLY_BY_ID.format(" AND ".join(where))}
RETURNING j.id{", j.priority, j.scheduled_at" if delayed else ""}"""


def _phase_sets(table: JobTable, edge: Edge, *, delayed: bool, skip: tuple[str, ...]) -> list[str]:
    """What a change of phase means for the tracked columns."""
    machine = table.machine
    start, end = machine.phase(edge.from_status), machine.phase(edge.to_status)
    sets: list[str] = []
    if start is Phase.QUEUED and end is Phase.RUNNING:
        sets += [*RUNNER_CLAIM, f"lease_expires_at = {runner_lease(table)}"]
    if start is Phase.RUNNING and end is not Phase.RUNNING:
        sets += NO_LEASE
    if end.terminal:
        sets.append("finished_at = now()")
    if end is Phase.SUCCEEDED:
        sets += ["progress = 100", *NO_ERROR]
    if end is Phase.CANCELLED:
        sets.append("cancel_requested_at = coalesce(j.cancel_requested_at, now())")
    if end is Phase.QUEUED:
        sets += ["progress = 0", "stage = NULL"]
    due = _due(delayed=delayed, anew=start.terminal)
    if delayed:
        sets.append(f"scheduled_at = {due}")
    if start.terminal:
        sets += _new_life(table, due, given=table.life_column in skip)
    return sets


def _due(*, delayed: bool, anew: bool) -> str:
    """When it is to run. A job that never began keeps the time it was made for; one that did has no such time any more."""
    due = "now() + make_interval(secs => m.delay)" if delayed else "now()"
    return f"CASE WHEN j.started_at IS NULL THEN greatest(j.scheduled_at, {due}) ELSE {due} END" if anew else due


def _unless_given(sets: list[str], columns: tuple[str, ...]) -> list[str]:
    """A column that the transition itself writes is not written by the phase as well."""
    return [part for part in sets if part.split(" = ", 1)[0] not in columns]


def _new_life(table: JobTable, due: str, *, given: bool) -> list[str]:
    life = f"m.c_{table.life_column}" if given else f"j.{table.life_column}"
    return [
        "attempt = 0",
        "started_at = NULL",
        "finished_at = NULL",
        "cancel_requested_at = NULL",
        *NO_ERROR,
        f"deadline_at = {due} + {interval(table.policy.queue_time)} + make_interval(secs => {life})",
    ]


def _kind_sets(table: JobTable, reason: str, skip: tuple[str, ...] = ()) -> str:
    extra = table.edge_sets.get(reason, {})
    return "".join(f", {column} = {sql}" for column, sql in extra.items() if column not in skip)


def _abandoned_sets(table: JobTable, edge: Edge) -> str:
    ran = table.machine.phases.get(edge.from_status) is Phase.RUNNING
    return _kind_sets(table, "abandoned") if ran and edge.by is By.MAINTENANCE else ""


@lru_cache(maxsize=256)
def settled(table: JobTable) -> str:
    """$1 ids, $2 versions, $3 statuses, $4 reasons, $5 actors: which transitions of unknown fate were made after all."""
    return f"""
SELECT j.id, j.priority, j.scheduled_at
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[]) AS m(id, version, status, reason, actor)
JOIN status_transitions h
  ON h.job_kind = '{table.kind}' AND h.job_id = m.id AND h.version = m.version + 1
 AND h.to_status = m.status AND h.reason = m.reason AND h.actor = m.actor
JOIN {table.name} j ON j.id = m.id"""


@lru_cache(maxsize=256)
def beat(table: JobTable) -> str:
    """$1 ids, $2 versions, $3 worker, $4 lease in seconds. Who is not returned has lost the job."""
    return f"""
UPDATE {table.name} AS j
SET lease_expires_at = now() + make_interval(secs => $4::float8)
FROM unnest($1::uuid[], $2::integer[]) AS m(id, version)
WHERE {ONLY_BY_ID.format("j.version = m.version AND j.lease_owner = $3")}
RETURNING j.id, j.version, j.cancel_requested_at"""


@lru_cache(maxsize=256)
def note(table: JobTable, columns: tuple[str, ...]) -> str:
    """$1 ids, $2 versions, $3 worker, then the columns. Progress only rises; a lower one leaves the row as it is."""
    given = ", ".join(f"${i}::{table.array_type(column)}" for i, column in enumerate(columns, 4))
    sets = ", ".join(f"{c} = greatest(j.{c}, m.c_{c})" if c == "progress" else f"{c} = m.c_{c}" for c in columns)
    return f"""
UPDATE {table.name} AS j
SET {sets}
FROM unnest($1::uuid[], $2::integer[], {given}) AS m(id, version, {", ".join(f"c_{c}" for c in columns)})
WHERE {ONLY_BY_ID.format("j.version = m.version AND j.lease_owner = $3")}
RETURNING j.id"""


def request_cancel(table: JobTable, running: Sequence[str]) -> str:
    """$1 id, $2 version, $3 actor. One statement: the request and its audit row. No row back: not running any more."""
    statuses = ", ".join(f"'{status}'" for status in running)
    return f"""
WITH asked AS (
    UPDATE {table.name} SET cancel_requested_at = now()
    WHERE id = $1 AND version = $2 AND status IN ({statuses}) AND cancel_requested_at IS NULL
    RETURNING id, user_id, version
)
INSERT INTO audit_logs (user_id, action, resource_type, resource_id, actor)
SELECT coalesce(user_id::text, 'system'), '{table.kind}.cancel_requested', '{table.kind}', id::text, $3 FROM asked
RETURNING resource_id"""
