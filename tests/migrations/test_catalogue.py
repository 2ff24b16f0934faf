"""The table executions, column by column, as the specification writes it."""

from __future__ import annotations

from typing import Any

import pytest

NO, YES = True, False  # NULL allowed?
NOW = "now()"

# column: type, not null, default
EXECUTIONS = {
    "id": ("uuid", NO, "gen_random_uuid()"),
    "user_id": ("uuid", YES, None),
    "status": ("text", NO, "'PENDING'::text"),
    "version": ("integer", NO, "1"),
    "status_reason": ("text", YES, None),
    "status_actor": ("text", NO, "('db:'::text || (SESSION_USER)::text)"),
    "attempt": ("integer", NO, "0"),
    "max_attempts": ("integer", NO, "3"),
    "priority": ("smallint", NO, "0"),
    "scheduled_at": ("timestamp with time zone", NO, NOW),
    "lease_owner": ("text", YES, None),
    "lease_expires_at": ("timestamp with time zone", YES, None),
    "claimed_at": ("timestamp with time zone", YES, None),
    "cancel_requested_at": ("timestamp with time zone", YES, None),
    "deadline_at": ("timestamp with time zone", NO, None),
    "timeout_seconds": ("integer", NO, "600"),
    "progress": ("smallint", NO, "0"),
    "stage": ("text", YES, None),
    "expected_at": ("timestamp with time zone", YES, None),
    "promised_at": ("timestamp with time zone", YES, None),
    "idempotency_key": ("text", YES, None),
    "request_digest": ("text", YES, None),
    "callback_url": ("text", YES, None),
    "error_code": ("character varying(100)", YES, None),
    "error_message": ("text", YES, None),
    "created_at": ("timestamp with time zone", NO, NOW),
    "started_at": ("timestamp with time zone", YES, None),
    "finished_at": ("timestamp with time zone", YES, None),
    "updated_at": ("timestamp with time zone", NO, NOW),
    "prompt": ("text", NO, None),
    "model": ("character varying(100)", NO, "'claude-sonnet-4-20250514'::character varying"),
    "max_tokens": ("integer", NO, "4096"),
    "metadata": ("jsonb", YES, None),
    "job_name": ("character varying(255)", NO, None),
    "pod_name": ("character varying(255)", YES, None),
    "output": ("text", YES, None),
    "input_tokens": ("integer", YES, None),
    "output_tokens": ("integer", YES, None),
    "tokens_used": ("integer", YES, None),
    "usage_estimated": ("boolean", NO, "false"),
    "stop_reason": ("character varying(50)", YES, None),
    "error_details": ("jsonb", YES, None),
    "estimated_cost": ("numeric(10,6)", YES, None),
    "resources": ("jsonb", YES, None),
    "retain_until": ("timestamp with time zone", YES, None),
    "is_permanent": ("boolean", NO, "false"),
}

COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped"""


async def test_every_column_has_its_type_null_and_default(owner: Any) -> None:
    rows = await owner.fetch(COLUMNS, "executions")

    found = {row[0]: (row[1], row[2], _plain(row[3])) for row in rows}
    assert found == EXECUTIONS


def _plain(default: str | None) -> str | None:
    """A number may be written as a quoted literal."""
    if default is None or "::" not in default:
        return default
    value, kind = default.split("::", 1)
    return value.strip("'") if kind in {"integer", "smallint"} else default


async def test_no_time_is_without_zone_in_the_whole_database(owner: Any) -> None:
    rows = await owner.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'"
    )
    assert rows == []


async def test_the_owner_may_vanish_and_leave_the_execution(owner: Any) -> None:
    keys = await owner.fetch(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'executions'::regclass"
    )
    assert [row[0] for row in keys] == ["FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL"]


async def test_heartbeats_can_be_hot_updates(owner: Any) -> None:
    """No index names what a heartbeat or a note writes, and the pages have room."""
    written = {"lease_expires_at", "updated_at", "progress", "stage", "cancel_requested_at"}
    rows = await owner.fetch(
        "SELECT DISTINCT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid"
        " WHERE i.indrelid = 'executions'::regclass"
    )
    predicates = await owner.fetch(
        "SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indrelid = 'executions'::regclass AND indpred IS NOT NULL"
    )

    assert not {row[0] for row in rows} & written
    assert not [row[0] for row in predicates if any(name in row[0] for name in written)]
    assert await owner.fetchval("SELECT reloptions FROM pg_class WHERE relname = 'executions'") == ["fillfactor=85"]


REFUSED = [
    ("prompt = ''", "ck_executions_prompt"),
    ("prompt = repeat('x', 1048577)", "ck_executions_prompt"),
    ("max_tokens = 0", "ck_executions_max_tokens"),
    ("max_tokens = 200001", "ck_executions_max_tokens"),
    ("metadata = '[]'", "ck_executions_metadata"),
    ("metadata = jsonb_build_object('a', repeat('x', 16400))", "ck_executions_metadata"),
    ("output = repeat('x', 262145)", "ck_executions_output"),
    ("input_tokens = -1", "ck_executions_tokens"),
    ("output_tokens = -1", "ck_executions_tokens"),
    ("input_tokens = 1, output_tokens = 2, tokens_used = 4", "ck_executions_tokens_used"),
    ("error_details = jsonb_build_object('a', repeat('x', 16400))", "ck_executions_error_details"),
    ("estimated_cost = -0.000001", "ck_executions_estimated_cost"),
    ("timeout_seconds = 0", "ck_executions_timeout_seconds"),
    ("timeout_seconds = 86401", "ck_executions_timeout_limit"),
    ("priority = 101", "ck_executions_priority"),
    ("priority = -101", "ck_executions_priority"),
    ("max_attempts = 0", "ck_executions_attempts"),
    ("max_attempts = 101", "ck_executions_attempts"),
    ("attempt = -1", "ck_executions_attempts"),
    ("progress = 101", "ck_executions_progress"),
    ("stage = repeat('x', 65)", "ck_executions_stage"),
    ("lease_owner = 'w'", "ck_executions_lease"),
    ("lease_owner = 'w', lease_expires_at = now(), claimed_at = now()", "ck_executions_lease"),
    ("finished_at = now()", "ck_executions_finished_at"),
    ("idempotency_key = 'abc'", "ck_executions_idempotency_key"),
    ("request_digest = 'abc'", "ck_executions_request_digest"),
    ("callback_url = repeat('x', 2049)", "ck_executions_callback_url"),
    ("error_message = repeat('x', 2001)", "ck_executions_error_message"),
    ("status_reason = repeat('x', 501)", "ck_executions_status_reason"),
]

ALLOWED = [
    "prompt = repeat('x', 1048576)",
    "max_tokens = 200000",
    "output = repeat('x', 262144)",
    "input_tokens = 1, output_tokens = 2, tokens_used = 3",
    "input_tokens = 1",
    "estimated_cost = 9999.999999",
    "timeout_seconds = 86400",
    "priority = -100, max_attempts = 100, progress = 100",
    "callback_url = repeat('x', 2048), error_message = repeat('é', 2000)",
]


async def _new(owner: Any) -> Any:
    return await owner.fetchval(
        "INSERT INTO executions (prompt, job_name, deadline_at) VALUES ('x', 'exec-x', now()) RETURNING id"
    )


@pytest.mark.parametrize(("change", "constraint"), REFUSED)
async def test_a_value_beyond_its_bounds_is_refused(owner: Any, change: str, constraint: str) -> None:
    job_id = await _new(owner)

    with pytest.raises(Exception, match=constraint):
        await owner.execute(f"UPDATE executions SET {change} WHERE id = $1", job_id)


@pytest.mark.parametrize("change", ALLOWED)
async def test_a_value_at_its_bounds_is_taken(owner: Any, change: str) -> None:
    job_id = await _new(owner)

    assert await owner.execute(f"UPDATE executions SET {change} WHERE id = $1", job_id) == "UPDATE 1"


async def test_two_jobs_never_share_an_idempotency_key(owner: Any) -> None:
    for _ in range(2):
        await _new(owner)

    with pytest.raises(Exception, match="uq_executions_idempotency_key"):
        await owner.execute("UPDATE executions SET idempotency_key = repeat('a', 64)")


NAMED = {
    "idx_executions_status", "idx_executions_created_at", "idx_executions_job_name", "ix_executions_due",
    "ix_executions_leased", "ix_executions_owner", "ix_executions_retain_until", "ix_executions_finished_at",
    "ix_executions_waiting_deadline", "ix_executions_short_id", "uq_executions_idempotency_key", "pk_executions",
}  # fmt: skip


async def test_executions_pay_for_these_indexes_and_no_others(owner: Any) -> None:
    rows = await owner.fetch("SELECT indexname FROM pg_indexes WHERE tablename = 'executions'")

    assert {row[0] for row in rows} == NAMED


async def test_history_has_its_identity_its_order_and_its_foreign_key(owner: Any) -> None:
    found = {row[0]: (row[1], row[2]) for row in await owner.fetch(COLUMNS, "status_transitions")}
    keys = await owner.fetch(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'status_transitions_executions'::regclass AND contype IN ('f', 'p') ORDER BY contype"
    )

    assert found["id"] == ("bigint", NO)
    assert found["transitioned_at"] == ("timestamp with time zone", NO)
    assert [row[0] for row in keys] == [
        "FOREIGN KEY (job_id) REFERENCES executions(id) ON DELETE CASCADE",
        "PRIMARY KEY (job_id, version, job_kind)",
    ]
