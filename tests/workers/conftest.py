"""A local model server, and every hosted provider's real client library pointed at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from tests.servers.messages_api import ModelServer
from workers.executions.providers.hosted import Patience
from workers.executions.providers.port import Event, Provider, ProviderError, Stop, Text, Usage
from workers.executions.providers.registry import build_provider

API_KEY = "not-a-real-key+with/odd=characters"
MODELS = {"claude": "claude-sonnet-5", "openai": "gpt-5-mini", "gemini": "gemini-2.5-flash"}


@pytest.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        yield server


@pytest.fixture(params=list(MODELS))
async def provider(request: pytest.FixtureRequest, model_server: ModelServer) -> AsyncIterator[Provider]:
    name: str = request.param
    patience = Patience(connect=5, silence=1.0)
    made = build_provider(name, api_key=API_KEY, base_url=model_server.base_url(name), patience=patience)
    yield made
    await made.close()


@dataclass
class Heard:
    """Everything one call said, and how it ended."""

    events: list[Event] = field(default_factory=list)
    error: ProviderError | None = None

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Text))

    @property
    def usages(self) -> list[Usage]:
        return [event for event in self.events if isinstance(event, Usage)]

    @property
    def stop(self) -> str | None:
        return next((event.reason for event in self.events if isinstance(event, Stop)), None)

    @property
    def failure(self) -> ProviderError:
        assert self.error is not None, f"the call succeeded: {self.text[:100]}"
        return self.error


async def hear(provider: Provider, prompt: str, *, key: str = "key-1", max_tokens: int = 100) -> Heard:
    heard, model = Heard(), MODELS.get(provider.name, "offline/extract")
    try:
        async with aclosing(provider.stream(prompt=prompt, model=model, max_tokens=max_tokens, key=key)) as events:
            async for event in events:
                heard.events.append(event)
    except ProviderError as error:
        heard.error = error
    return heard
