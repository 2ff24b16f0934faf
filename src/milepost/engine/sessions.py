"""Signing in to the dashboard with an API key: a session stands for its key and never gives more than it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

from milepost.db import session_rows
from milepost.db.tenants import TenantDatabase
from milepost.domain.rights import READS, Rights
from milepost.domain.scopes import effective_scopes
from milepost.engine.api_keys import KeyHolder
from milepost.engine.ports import Databases

LIFE_SECONDS = 12 * 60 * 60
CHANCE_BYTES = 32
TOKEN = re.compile(r"(?P<tenant>[a-z0-9_][a-z0-9_-]{0,62})\.(?P<key>[0-9a-f]{32})\.[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Viewer(Rights):
    """Who is signed in. `scopes` are what both the session's key and the user's role allow now."""

    database: TenantDatabase
    key_id: UUID
    user_id: UUID
    role: str
    scopes: frozenset[str]
    name: str | None = None

    @property
    def actor(self) -> str:
        """A person at a browser, not a program with a key."""
        return f"user:{self.user_id}"


def may_sign_in(holder: KeyHolder) -> bool:
    return holder.user_status == "active" and not holder.scopes.isdisjoint(READS)


async def sign_in(holder: KeyHolder, chance: bytes) -> str:
    """The token for the browser, shown this once; its hash is stored. `chance` is 32 random bytes.

    The table knows users, not keys, so the token itself names the key: it is part of what is hashed, so nobody can
    put in another one.
    """
    if len(chance) != CHANCE_BYTES:
        raise ValueError(f"a session's token is made of {CHANCE_BYTES} random bytes")
    secret = base64.urlsafe_b64encode(chance).decode().rstrip("=")
    token = f"{holder.database.name}.{holder.key_id.hex}.{secret}"
    await session_rows.insert_session(holder.database, _hash(token), holder.key_id, LIFE_SECONDS)
    return token


async def viewer_of(databases: Databases, token: str) -> Viewer | None:
    """None: malformed, unknown, expired, or its key or user is no longer good. Raises Unavailable."""
    database = await _database(databases, token)
    if database is None:
        return None
    found = await session_rows.find_session(database, _hash(token), _key_id(token))
    if found is None:
        return None
    scopes = effective_scopes(found.role, frozenset(found.scopes))
    if scopes.isdisjoint(READS):
        return None
    return Viewer(database, found.key_id, found.user_id, found.role, scopes, found.user_name)


async def sign_out(databases: Databases, token: str) -> None:
    database = await _database(databases, token)
    if database is not None:
        await session_rows.delete_session(database, _hash(token))


def form_token(token: str) -> str:
    """What every form of a session carries: whoever cannot read the cookie cannot make it."""
    return hmac.digest(token.encode(), b"milepost form", "sha256").hex()


async def _database(databases: Databases, token: str) -> TenantDatabase | None:
    match = TOKEN.fullmatch(token)
    if match is None:
        return None
    try:
        return await databases(match["tenant"])
    except KeyError:
        return None


def _key_id(token: str) -> UUID:
    return UUID(hex=token.split(".")[1])


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
