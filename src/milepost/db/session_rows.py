"""Rows of `sessions`: who is signed in to the dashboard. A token never comes here, only its hash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from milepost.db.rows import fetch
from milepost.db.tenants import TenantDatabase

AUDIT = "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, details, actor)"

# the key is asked each time: a session gives no more than its key does, and ends with it
FIND = """
SELECT s.user_id, k.id, k.scopes, u.role, coalesce(u.name, u.email) AS user_name
FROM sessions s
JOIN users u ON u.id = s.user_id AND u.status = 'active'
JOIN api_keys k ON k.id = $2 AND k.user_id = s.user_id
WHERE s.session_token = $1 AND s.expires > now()
  AND k.status = 'active' AND (k.expires_at IS NULL OR k.expires_at > now())"""

INSERT = f"""
WITH s AS (
    INSERT INTO sessions (session_token, user_id, expires)
    SELECT $1, k.user_id, least(now() + make_interval(secs => $3), k.expires_at) FROM api_keys k WHERE k.id = $2
    ON CONFLICT DO NOTHING RETURNING *),
audit AS (
    {AUDIT}
    SELECT s.user_id::text, 'session.created', 'session', s.id::text, jsonb_build_object('key_id', $2::uuid), 'user:' || s.user_id
    FROM s)
SELECT FROM s"""

DELETE = f"""
WITH s AS (DELETE FROM sessions WHERE session_token = $1 RETURNING *),
audit AS (
    {AUDIT}
    SELECT s.user_id::text, 'session.deleted', 'session', s.id::text, NULL, 'user:' || s.user_id FROM s)
SELECT FROM s"""


class SessionOwner(NamedTuple):
    """A session that is good now, with its user and its key."""

    user_id: UUID
    key_id: UUID
    scopes: Sequence[str]
    role: str
    user_name: str | None


async def find_session(database: TenantDatabase, token_hash: str, key_id: UUID) -> SessionOwner | None:
    """None where session, key or user are not there or no longer good."""
    rows: list[Any] = await fetch(database, FIND, token_hash, key_id)
    return SessionOwner(*rows[0]) if rows else None


async def insert_session(database: TenantDatabase, token_hash: str, key_id: UUID, seconds: float) -> None:
    """Safe to repeat: the hash is unique. A session does not outlive its key."""
    await fetch(database, INSERT, token_hash, key_id, seconds)


async def delete_session(database: TenantDatabase, token_hash: str) -> None:
    await fetch(database, DELETE, token_hash)
