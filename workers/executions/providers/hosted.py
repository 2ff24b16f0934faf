"""Hosted models: a provider that is cheap to make, and loads its client library off the event loop when first asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from workers.executions.providers.port import Event

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai.models import Model


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait for a connection and for the next byte. The whole attempt is bounded elsewhere."""

    connect: float = 10.0
    silence: float = 300.0


class ModelMaker(Protocol):
    """Builds the library's model object over a shared HTTP client; imports the library only when called."""

    def __call__(self, model: str, *, api_key: str, base_url: str, http: httpx2.AsyncClient) -> Model: ...


class HostedProvider:
    """A provider reached over HTTP. Many calls may run at once; they share one pool of connections."""

    def __init__(self, name: str, make: ModelMaker, *, api_key: str, base_url: str, patience: Patience) -> None:
        self.name = name
        self.base_url = base_url
        self._make = make
        self._api_key = api_key
        self._patience = patience
        self._http: httpx2.AsyncClient | None = None
        self._models: dict[str, Model] = {}
        self._building = asyncio.Lock()

    def __repr__(self) -> str:
        return f"HostedProvider({self.name} at {self.base_url})"

    async def stream(self, *, prompt: str, model: str, max_tokens: int, key: str) -> AsyncGenerator[Event, None]:
        asked = await self._model(model)
        from workers.executions.providers import answers  # noqa: PLC0415 - slow at first; _model has loaded it by now

        call = answers.Call(self.name, asked, secret=self._api_key)
        async with aclosing(call.ask(prompt, max_tokens=max_tokens, key=key)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        http, self._http = self._http, None
        self._models.clear()
        if http is not None:
            await http.aclose()

    async def _model(self, name: str) -> Model:
        async with self._building:
            if name not in self._models:
                self._models[name] = await asyncio.to_thread(self._build, name)
            return self._models[name]

    def _build(self, name: str) -> Model:
        from workers.executions.providers import answers  # noqa: PLC0415 - takes more than a second

        if self._http is None:
            self._http = answers.http_client(self._patience)
        return self._make(name, api_key=self._api_key, base_url=self.base_url, http=self._http)
