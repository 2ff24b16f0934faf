"""The application in process, on a real database and a real Redis; keys of every role."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2
import pytest
from uuid_utils.compat import uuid7

from milepost.api.app import create_app
from milepost.api.dependencies import Dependencies
from milepost.db.tenants import TenantDatabase
from milepost.domain.scopes import ALLOWED
from milepost.engine.api_keys import create_key, ensure_user
from milepost.kinds import all_kinds
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from milepost.storage import local_store
from milepost.tenancy.models import active_models
from tests.contract import checking

MODELS = ("offline/extract", "claude-sonnet-4-20250514")


@dataclass(frozen=True)
class Person:
    """A user with a key, and a client that sends it."""

    user_id: UUID
    key_id: UUID
    key: str
    http: httpx2.AsyncClient


Hire = Callable[..., Awaitable[Person]]


@pytest.fixture
async def doorbell(redis_server: Any) -> AsyncIterator[Doorbell]:
    url = redis_server.url.removesuffix("/0") + "/8"
    client = connect(url, timeout=1.0)
    await client.flushdb()
    bell = Doorbell(client, installation="here", patience=1.0)
    yield bell
    await client.flushdb()
    await bell.aclose()


@pytest.fixture
async def deps(database: TenantDatabase, doorbell: Doorbell, owner: Any, tmp_path: Any) -> Dependencies:
    for number, name in enumerate(MODELS, 1):
        await owner.execute(
            "INSERT INTO llm_models (id, provider_id, model_name, model_class, is_active, synced_at)"
            " VALUES ($1, 'offline', $2, 'standard', true, now())", number, name,
        )  # fmt: skip

    async def databases(tenant: str) -> TenantDatabase:
        if tenant != "default":
            raise KeyError(tenant)
        return database

    return Dependencies(
        databases=databases, ringer=doorbell, kinds=all_kinds(), ids=uuid7, secret=b"s" * 32,
        presence=doorbell.workers, active_models=active_models,
        store=local_store(tmp_path / "files"), default_model="offline/extract",
    )  # fmt: skip


@pytest.fixture
async def app(deps: Dependencies) -> AsyncIterator[Any]:
    app = create_app(deps)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def anybody(app: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a key."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test", event_hooks=checking(app)) as client:
        yield client


@pytest.fixture
async def hire(app: Any, database: TenantDatabase) -> AsyncIterator[Hire]:
    """Makes people: `await hire("operator")`."""
    clients: list[httpx2.AsyncClient] = []

    async def make(role: str = "caster", scopes: Sequence[str] | None = None) -> Person:
        user_id = await ensure_user(database, role=role)
        chosen = sorted(ALLOWED[role]) if scopes is None else scopes
        key, row = await create_key(
            database, user_id=user_id, name="test", scopes=chosen, chance=secrets.token_bytes(32), pepper=None,
            actor="cli:test",
        )  # fmt: skip
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url="http://test",
            headers={"Authorization": f"Bearer {key.text}"}, event_hooks=checking(app),
        )  # fmt: skip
        clients.append(client)
        return Person(user_id, row["id"], key.text, client)

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def caster(hire: Hire) -> Person:
    return await hire("caster")
