"""Rows of `api_keys` and what is needed of their users. Keys themselves never come here, only their hashes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from milepost.db.connections import Connection, Connections
from milepost.db.tables import SHORT_ID

SHOWN = "k.id, k.user_id, k.name, k.key_prefix, k.scopes, k.status, k.created_at, k.expires_at, k.last_used_at, k.revoked_at"

AUDIT = "INSERT INTO audit_logs (user_id, action, resource_type, resource_id, details, actor)"

FIND = """
SELECT k.key_hash, k.id, k.user_id, k.scopes, u.role, u.status AS user_status,
       extract(epoch FROM k.expires_at - now())::float8 AS seconds_left,
       k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute' AS use_is_old
FROM api_keys k JOIN users u ON u.id = k.user_id
WHERE k.key_hash = $1 AND k.status = 'active' AND (k.expires_at IS NULL OR k.expires_at > now())"""

# skips a row that is locked: somebody else notes the same minute
TOUCH = """
UPDATE api_keys SET last_used_at = now() WHERE id = (
    SELECT id FROM api_keys
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
    FOR UPDATE SKIP LOCKED)"""

INSERT = f"""
WITH k AS (
    INSERT INTO api_keys (user_id, name, key_hash, key_prefix, scopes, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6) RETURNING *),
audit AS (
    {AUDIT}
    SELECT k.user_id::text, 'api_key.created', 'api_key', k.id::text, jsonb_build_object('scopes', k.scopes), $7 FROM k)
SELECT {SHOWN} FROM k"""

REVOKE = f"""
WITH k AS (
    UPDATE api_keys SET status = 'revoked', revoked_at = now()
    WHERE id = $1 AND status = 'active' AND ($2::uuid IS NULL OR user_id = $2) RETURNING *),
audit AS (
    {AUDIT}
    SELECT k.user_id::text, 'api_key.revoked', 'api_key', k.id::text, NULL, $3 FROM k)
SELECT {SHOWN} FROM k"""

# nothing comes back where somebody has that e-mail address
NEW_USER = """
INSERT INTO users (role, name, email) VALUES ($1, $2, lower($3))
ON CONFLICT (email) DO NOTHING RETURNING id"""

LIST = f"""
SELECT {SHOWN} FROM api_keys k
WHERE ($1::uuid IS NULL OR k.user_id = $1)
ORDER BY k.created_at DESC, k.id DESC LIMIT $2 OFFSET $3"""

ENDING = f"SELECT {SHOWN} FROM api_keys k WHERE {SHORT_ID} = $1 ORDER BY k.created_at DESC, k.id DESC"


class KeyOwner(NamedTuple):
    """An active key with its user. `seconds_left` None: it does not expire."""

    key_hash: str
    id: UUID
    user_id: UUID
    scopes: Sequence[str]
    role: str
    user_status: str
    seconds_left: float | None
    use_is_old: bool


class KeyUser(NamedTuple):
    """For whom a key is to be made."""

    id: UUID
    role: str
    status: str


class NewUser(NamedTuple):
    """A user that is yet to be."""

    role: str
    name: str | None
    email: str | None


async def find_key(connections: Connections, key_hash: str) -> KeyOwner | None:
    """None for an unknown, expired or revoked key alike."""

    async def work(connection: Connection) -> KeyOwner | None:
        row = await connection.fetchrow(FIND, key_hash)
        return None if row is None else KeyOwner(*row)

    return await connections.run(work)


async def note_use(connections: Connections, key_id: UUID) -> None:
    """Writes `last_used_at`, at most once a minute whoever asks."""

    async def work(connection: Connection) -> None:
        await connection.execute(TOUCH, key_id)

    await connections.run(work)


async def user_role(connections: Connections, user_id: UUID) -> str | None:
    """None for a user that does not exist or is not active."""

    async def work(connection: Connection) -> str | None:
        return await connection.fetchval("SELECT role FROM users WHERE id = $1 AND status = 'active'", user_id)

    return await connections.run(work)


async def add_user(connections: Connections, *, role: str, name: str | None, email: str | None) -> UUID:
    """The user of that e-mail address if there is one already, with the role it has."""

    async def work(connection: Connection) -> UUID:
        return await _new_user(connection, NewUser(role, name, email))

    return await connections.run(work)


async def _new_user(connection: Connection, user: NewUser) -> UUID:
    made = await connection.fetchval(NEW_USER, user.role, user.name, user.email)
    return made or await connection.fetchval("SELECT id FROM users WHERE email = lower($1)", user.email)


async def user_with(connections: Connections, email: str) -> KeyUser | None:
    """The user of that e-mail address, whatever its status."""

    async def work(connection: Connection) -> KeyUser | None:
        row = await connection.fetchrow("SELECT id, role, status FROM users WHERE email = lower($1)", email)
        return None if row is None else KeyUser(*row)

    return await connections.run(work)


async def insert_key(
    connections: Connections,
    *,
    user: UUID | NewUser,
    name: str,
    key_hash: str,
    prefix: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    actor: str,
) -> dict[str, Any]:
    """The row as it may be shown, with its audit row. A new user comes with it, or neither does."""

    async def work(connection: Connection, *, doubt: bool) -> dict[str, Any]:
        if doubt:  # an earlier try may have committed
            row = await connection.fetchrow(f"SELECT {SHOWN} FROM api_keys k WHERE k.key_hash = $1", key_hash)
            if row is not None:
                return dict(row)
        async with connection.transaction():
            user_id = user if isinstance(user, UUID) else await _new_user(connection, user)
            row = await connection.fetchrow(INSERT, user_id, name, key_hash, prefix, list(scopes), expires_at, actor)
        return dict(row or {})

    return await connections.run_doubting(work)


async def revoke_key(
    connections: Connections, key_id: UUID, *, user_id: UUID | None, actor: str
) -> dict[str, Any] | None:
    """The revoked key; one revoked before as it is; None where there is no such key (of that user)."""

    async def work(connection: Connection) -> dict[str, Any] | None:
        row = await connection.fetchrow(REVOKE, key_id, user_id, actor)
        if row is None:
            sql = f"SELECT {SHOWN} FROM api_keys k WHERE k.id = $1 AND ($2::uuid IS NULL OR k.user_id = $2)"
            row = await connection.fetchrow(sql, key_id, user_id)
        return None if row is None else dict(row)

    return await connections.run(work)


async def list_keys(
    connections: Connections, *, user_id: UUID | None, limit: int = 100, offset: int = 0
) -> list[dict[str, Any]]:
    """Newest first; of one user, or of all."""

    async def work(connection: Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in await connection.fetch(LIST, user_id, limit, offset)]

    return await connections.run(work)


async def keys_ending(connections: Connections, digits: str) -> list[dict[str, Any]]:
    """Those whose short id it is."""

    async def work(connection: Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in await connection.fetch(ENDING, digits)]

    return await connections.run(work)
