"""One streamed request over pydantic-ai: no retries, no redirects, a time-out for every wait, usage as it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import httpx2
from pydantic_ai.direct import model_request_stream
from pydantic_ai.messages import ModelRequest, PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

from workers.executions.providers.classify import broke_off, classify
from workers.executions.providers.port import Event, ProviderError, Stop, Text, Usage

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponseStreamEvent
    from pydantic_ai.models import Model, StreamedResponse
    from pydantic_ai.settings import ModelSettings

    from workers.executions.providers.hosted import Patience

# What the call that is being opened in this context has received; None elsewhere.
_responses: ContextVar[list[httpx2.Response] | None] = ContextVar("_responses", default=None)

_COUNT_ALONG = {"google"}  # providers whose output count is true before the end of the answer


class Call:
    """Asks once and reads usage and the stop reason off the answer while it grows."""

    def __init__(self, provider: str, model: Model, *, secret: str) -> None:
        self._provider = provider
        self._model = model
        self._secret = secret
        self._answer: StreamedResponse | None = None
        self._told: Usage | None = None

    async def ask(self, prompt: str, *, max_tokens: int, key: str) -> AsyncGenerator[Event, None]:
        failure: ProviderError | None = None
        settings: ModelSettings = {"max_tokens": max_tokens, "extra_headers": {"Idempotency-Key": key}}
        request = [ModelRequest.user_text_prompt(prompt)]
        try:
            async with _opened(model_request_stream(self._model, request, model_settings=settings)) as self._answer:
                async for event in self._answer:
                    if usage := self._news():
                        yield usage
                    if text := _text(event):
                        yield Text(text)
        except Exception as error:
            failure = classify(error, provider=self._provider, secret=self._secret)
            if failure is None:
                raise
        if failure is None and not self._reason:
            failure = broke_off(provider=self._provider)
        if usage := self._news(ended=True, whole=failure is None):
            yield usage
        if failure is not None:
            raise failure
        yield Stop(self._reason)

    @property
    def _reason(self) -> str:
        details = (self._answer.provider_details if self._answer else None) or {}
        return str(details.get("finish_reason") or "")

    def _news(self, *, ended: bool = False, whole: bool = False) -> Usage | None:
        if self._answer is None:
            return None
        counted = self._answer.usage
        if not (counted.input_tokens or counted.output_tokens):
            return None
        # Before its end Anthropic sends a placeholder as output and OpenAI nothing at all.
        counts_along = self._answer.provider_name in _COUNT_ALONG and counted.output_tokens > 0
        known = counts_along or (ended and bool(self._reason))
        usage = Usage(counted.input_tokens or None, counted.output_tokens if known else None, final=whole)
        if usage == self._told:
            return None
        self._told = usage
        return usage


@asynccontextmanager
async def _opened(stream: AbstractAsyncContextManager[StreamedResponse]) -> AsyncGenerator[StreamedResponse]:
    """Leaving it closes the connection. Google's library alone would leave that to the garbage collector."""
    responses: list[httpx2.Response] = []
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_close, responses)
        here = _responses.set(responses)
        try:
            answer = await stack.enter_async_context(stream)
        finally:
            _responses.reset(here)
        yield answer


async def _close(responses: list[httpx2.Response]) -> None:
    for response in responses:
        await response.aclose()


def http_client(patience: Patience) -> httpx2.AsyncClient:
    timeout = httpx2.Timeout(patience.silence, connect=patience.connect, pool=patience.connect)

    async def impose(request: httpx2.Request) -> None:
        # Each library sets time-outs of its own on its requests; ours hold for all of them.
        request.extensions["timeout"] = timeout.as_dict()

    async def remember(response: httpx2.Response) -> None:
        if (responses := _responses.get()) is not None:
            responses.append(response)

    return httpx2.AsyncClient(
        timeout=timeout,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=20),
        follow_redirects=False,  # a redirect would carry the key to another host
        event_hooks={"request": [impose], "response": [remember]},
    )


def _text(event: ModelResponseStreamEvent) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=text)):
            return text
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
        case _:
            return ""
