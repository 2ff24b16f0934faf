"""The application in process, over a real database, a real Redis and a real folder; keys for whoever calls it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest_asyncio
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from milepost.api.app import create_app
from milepost.api.dependencies import Dependencies
from milepost.db.tenants import TenantDatabase
from milepost.engine.api_keys import create_key, ensure_user, revoke_key
from milepost.kinds import all_kinds
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from milepost.storage import Store, local_store
from milepost.tenancy.models import active_models
from tests.contract import checking

PRODUCER = ("job:submit", "job:read")


@dataclass(eq=False)
class Caller:
    """Somebody with a key. Called like an HTTP client."""

    http: httpx2.AsyncClient
    user_id: UUID
    key_id: UUID
    key: str

    @property
    def actor(self) -> str:
        return f"key:{self.key_id}"

    async def submit(self, **request: Any) -> dict[str, Any]:
        body = {"prompt": "Say something.", "model": "offline/extract", **request}
        answer = await self.http.post("/v1/executions", json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()


@dataclass(eq=False)
class House:
    """The running application with what stands behind it."""

    app: FastAPI
    deps: Dependencies
    database: TenantDatabase
    store: Store
    doorbell: Doorbell
    redis: Any
    _open: list[httpx2.AsyncClient] = field(default_factory=list)

    def client(self, headers: dict[str, str] | None = None) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.app)
        client = httpx2.AsyncClient(
            transport=transport, base_url="http://milepost.test", headers=headers, event_hooks=checking(self.app)
        )
        self._open.append(client)
        return client

    async def caller(self, *scopes: str, role: str = "maker", user_id: UUID | None = None, **options: Any) -> Caller:
        """A new user with a key, or another key of one who is there."""
        user_id = user_id or await ensure_user(self.database, role=role, name="Somebody")
        key, row = await create_key(
            self.database, user_id=user_id, name="test", scopes=scopes or PRODUCER, chance=secrets.token_bytes(32),
            pepper=None, actor="cli:test", **options,
        )  # fmt: skip
        return Caller(self.client({"Authorization": f"Bearer {key.text}"}), user_id, row["id"], key.text)

    async def operator(self) -> Caller:
        return await self.caller("ops:deploy", "job:submit", "job:read", role="operator")

    async def revoke(self, caller: Caller) -> None:
        await revoke_key(self.database, caller.key_id, actor="cli:test")

    async def close(self) -> None:
        for client in self._open:
            await client.aclose()
        await self.deps.feeds.close()


@pytest_asyncio.fixture
async def house(database: TenantDatabase, owner: Any, redis_server: Any, tmp_path: Path) -> AsyncIterator[House]:
    """The application with one tenant, `default`, and the model `offline/extract`."""
    await owner.execute(
        "INSERT INTO llm_models (id, provider_id, model_name, model_class, cost_per_1k_input_tokens,"
        " cost_per_1k_output_tokens, synced_at) VALUES (1, 'offline', 'offline/extract', 'small', 0.003, 0.015, now())"
    )
    redis = connect(redis_server.url.removesuffix("/0") + "/8")
    await redis.flushdb()
    doorbell = Doorbell(connect(redis_server.url.removesuffix("/0") + "/8", timeout=1.0), installation="here")
    store = local_store(tmp_path / "files")
    deps = Dependencies(
        databases=_only(database), ringer=doorbell, kinds=all_kinds(), ids=uuid7, secret=b"s" * 32,
        presence=doorbell.workers, active_models=active_models, store=store,
    )  # fmt: skip
    made = House(create_app(deps), deps, database, store, doorbell, redis)
    yield made
    await made.close()
    await doorbell.aclose()
    await redis.aclose()


def _only(database: TenantDatabase) -> Any:
    async def databases(tenant: str) -> TenantDatabase:
        if tenant != database.name:
            raise KeyError(tenant)
        return database

    return databases


def serve(app: Any) -> Any:
    """The application on a free port of the loopback, by a real server."""
    return _Served(app)


class _Served:
    def __init__(self, app: Any) -> None:
        import uvicorn

        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off",
                                timeout_graceful_shutdown=1)  # fmt: skip
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]

    async def __aenter__(self) -> str:
        self._task = asyncio.create_task(self._server._serve())
        while not self._server.started:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        with suppress(asyncio.CancelledError):
            await self._task


async def sse(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """Events as dicts: event, id (if any), data."""
    import json

    event: dict[str, Any] = {}
    async for line in lines:
        if not line:
            if "data" in event:
                yield {**event, "data": json.loads(event["data"])}
            event = {}
        else:
            name, _, value = line.partition(": ")
            event[name] = value


async def take(events: AsyncIterator[dict[str, Any]], count: int, *names: str, within: float = 15) -> Sequence[Any]:
    """The next `count` events, of those names if any are named."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(within):
        while len(found) < count:
            event = await anext(events)
            if not names or event["event"] in names:
                found.append(event)
    return found
