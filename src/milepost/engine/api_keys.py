"""Makes, revokes and looks up API keys. A look-up is remembered for a few seconds, so revocation acts within five."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any
from uuid import UUID

from milepost.db import key_rows
from milepost.db.key_rows import KeyOwner, NewUser
from milepost.db.tenants import TenantDatabase
from milepost.domain.api_key import Key, hash_key, make_key, parse_key
from milepost.domain.errors import MilepostError, ScopesRefused, UserNotFound
from milepost.domain.scopes import ALLOWED, effective_scopes
from milepost.engine.ports import Databases, TenantActive, always_active

logger = logging.getLogger("milepost.api_keys")

REMEMBERED_SECONDS = 4.0
REMEMBERED_KEYS = 10_000
NEW_ROLE = "operator"


@dataclass(frozen=True, slots=True, eq=False)
class KeyHolder:
    """Who an active key speaks for. `scopes` are what key and role both allow. `tenant_active`: it may be served."""

    database: TenantDatabase
    key_id: UUID
    user_id: UUID
    role: str
    user_status: str
    scopes: frozenset[str]
    tenant_active: bool = True


@dataclass(frozen=True, slots=True)
class _Memory:
    holder: KeyHolder | None
    until: float


class KeyRing:
    """Looks keys up, each at most once in four seconds; concurrent look-ups of one key share a query."""

    def __init__(
        self,
        databases: Databases,
        pepper: bytes | None,
        clock: Callable[[], float] = time.monotonic,
        *,
        active: TenantActive = always_active,
    ) -> None:
        self._databases = databases
        self._pepper = pepper
        self._active = active
        self._clock = clock
        self._memories: dict[str, _Memory] = {}
        self._asking: dict[str, asyncio.Task[KeyHolder | None]] = {}
        self._noting: set[asyncio.Task[None]] = set()

    def knows(self, text: str) -> bool:
        """Whether the key was good when it was last looked up, however long ago that is."""
        memory = self._memories.get(text)
        return memory is not None and memory.holder is not None

    async def holder(self, text: str) -> KeyHolder | None:
        """None: malformed, unknown, expired or revoked. Raises Unavailable."""
        memory = self._memories.get(text)
        if memory is not None and memory.until > self._clock():
            return memory.holder
        key = parse_key(text)
        if key is None:
            return None
        asking = self._asking.get(text)
        if asking is None:
            asking = self._asking[text] = asyncio.create_task(self._ask(key))
            asking.add_done_callback(lambda _: self._asking.pop(text, None))
        return await asyncio.shield(asking)

    async def aclose(self) -> None:
        """Waits for the notes of use that are being written."""
        if self._noting:
            await asyncio.wait(self._noting)

    async def _ask(self, key: Key) -> KeyHolder | None:
        asked_at = self._clock()
        try:
            database = await self._databases(key.tenant)
        except KeyError:
            self._remember(key, None, asked_at + REMEMBERED_SECONDS)
            return None
        key_hash = hash_key(key.text, self._pepper)
        row = await key_rows.find_key(database.connections, key_hash)
        if row is None or not compare_digest(row.key_hash, key_hash):
            self._remember(key, None, asked_at + REMEMBERED_SECONDS)
            return None
        holder = _holder(database, row, tenant_active=await self._active(key.tenant))
        left = REMEMBERED_SECONDS if row.seconds_left is None else min(REMEMBERED_SECONDS, row.seconds_left)
        self._remember(key, holder, asked_at + left)
        if row.use_is_old:
            self._note(database, row.id)
        return holder

    def _remember(self, key: Key, holder: KeyHolder | None, until: float) -> None:
        if len(self._memories) >= REMEMBERED_KEYS:
            # keys that open nothing go first: whoever makes them up does not cost others a query
            self._memories = {text: memory for text, memory in self._memories.items() if memory.holder is not None}
        if len(self._memories) >= REMEMBERED_KEYS:
            self._memories.clear()
        self._memories[key.text] = _Memory(holder, until)

    def _note(self, database: TenantDatabase, key_id: UUID) -> None:
        task = asyncio.create_task(_note_use(database, key_id))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)


def _holder(database: TenantDatabase, row: KeyOwner, *, tenant_active: bool) -> KeyHolder:
    scopes = effective_scopes(row.role, frozenset(row.scopes))
    return KeyHolder(database, row.id, row.user_id, row.role, row.user_status, scopes, tenant_active)


async def _note_use(database: TenantDatabase, key_id: UUID) -> None:
    try:
        await key_rows.note_use(database.connections, key_id)
    except MilepostError as error:
        logger.debug("use of key %s not noted: %s", key_id, error)


async def create_key(
    database: TenantDatabase,
    *,
    user_id: UUID,
    name: str,
    scopes: Sequence[str],
    chance: bytes,
    pepper: bytes | None,
    actor: str,
    expires_at: datetime | None = None,
    within: frozenset[str] | None = None,
) -> tuple[Key, dict[str, Any]]:
    """The key, shown this once, and its row. `within`: the scopes of the key that asks, which are an upper bound.

    Raises UserNotFound, and ScopesRefused for scopes that the user's role does not allow.
    """
    role = await key_rows.user_role(database.connections, user_id)
    if role is None:
        raise UserNotFound(user_id=user_id)
    _check_scopes(role, scopes, ALLOWED[role] if within is None else ALLOWED[role] & within)
    key = make_key(chance, database.name)
    row = await key_rows.insert_key(
        database.connections, user=user_id, name=name, key_hash=hash_key(key.text, pepper), prefix=key.prefix,
        scopes=sorted(set(scopes)), expires_at=expires_at, actor=actor,
    )  # fmt: skip
    return key, row


async def create_key_by_email(
    database: TenantDatabase,
    *,
    email: str,
    role: str | None,
    name: str,
    scopes: Sequence[str] | None,
    chance: bytes,
    pepper: bytes | None,
    actor: str,
    expires_at: datetime | None = None,
) -> tuple[Key, dict[str, Any]]:
    """The same for whoever has that address; where nobody has, key and user are made together.

    `role`: a new user's, and the one whose scopes the key has where none are named. None: the user's own.
    """
    found = await key_rows.user_with(database.connections, email)
    if found is not None and found.status != "active":
        raise UserNotFound(user_id=email)
    held = found.role if found is not None else role or NEW_ROLE
    wanted = sorted(set(scopes or ALLOWED[role or held]))
    _check_scopes(held, wanted, ALLOWED[held])
    key = make_key(chance, database.name)
    user = found.id if found is not None else NewUser(held, email.partition("@")[0].capitalize(), email)
    row = await key_rows.insert_key(
        database.connections, user=user, name=name, key_hash=hash_key(key.text, pepper), prefix=key.prefix,
        scopes=wanted, expires_at=expires_at, actor=actor,
    )  # fmt: skip
    return key, row


def _check_scopes(role: str, scopes: Iterable[str], allowed: frozenset[str]) -> None:
    """Raises ScopesRefused with those that are not allowed."""
    if refused := sorted(set(scopes) - allowed):
        raise ScopesRefused(role=role, scopes=", ".join(refused))


async def revoke_key(
    database: TenantDatabase, key_id: UUID, *, actor: str, user_id: UUID | None = None
) -> dict[str, Any] | None:
    """Final, and idempotent. None where there is no such key (of that user)."""
    return await key_rows.revoke_key(database.connections, key_id, user_id=user_id, actor=actor)


async def list_keys(
    database: TenantDatabase, *, user_id: UUID | None = None, limit: int = 100, offset: int = 0
) -> list[dict[str, Any]]:
    return await key_rows.list_keys(database.connections, user_id=user_id, limit=limit, offset=offset)


async def keys_ending(database: TenantDatabase, digits: str) -> list[dict[str, Any]]:
    """Those whose short id it is, newest first."""
    return await key_rows.keys_ending(database.connections, digits)


async def ensure_user(
    database: TenantDatabase, *, role: str, name: str | None = None, email: str | None = None
) -> UUID:
    """Makes a user, or finds the one with that e-mail address."""
    return await key_rows.add_user(database.connections, role=role, name=name, email=email)
