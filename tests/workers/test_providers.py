"""Real client libraries against a local server: what an answer, a refusal and a broken stream become."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.servers.http import HttpServer, Reply, Request
from tests.servers.messages_api import ModelServer
from tests.workers.conftest import API_KEY, MODELS, hear
from workers.executions.providers.hosted import Patience
from workers.executions.providers.port import Provider, ProviderError, Text
from workers.executions.providers.registry import build_provider


async def test_an_answer_comes_in_pieces_then_its_count_then_its_reason(
    provider: Provider, model_server: ModelServer
) -> None:
    heard = await hear(provider, "What is a milepost?", key="idem-7", max_tokens=321)

    assert heard.text == "An answer to: What is a milepost? - done."
    assert len([event for event in heard.events if isinstance(event, Text)]) > 1
    assert (heard.usages[-1].input_tokens, heard.usages[-1].output_tokens, heard.usages[-1].final) == (5, 11, True)
    assert heard.stop in {"end_turn", "stop", "STOP"}
    assert heard.error is None
    asked = (await model_server.request(0)).asked
    assert (asked.key, asked.max_tokens, asked.model) == ("idem-7", 321, MODELS[provider.name])


@pytest.mark.parametrize(
    ("fault", "code", "retry"),
    [
        ("status code=500", "PROVIDER_UNAVAILABLE", True),
        ("status code=503", "PROVIDER_UNAVAILABLE", True),
        ("status code=529", "PROVIDER_UNAVAILABLE", True),
        ("status code=429", "PROVIDER_RATE_LIMITED", True),
        ("status code=400", "PROVIDER_REJECTED", False),
        ("status code=404", "PROVIDER_REJECTED", False),
        ("status code=422", "PROVIDER_REJECTED", False),
        ("status code=401", "PROVIDER_AUTH", False),
        ("status code=403", "PROVIDER_AUTH", False),
        ("status code=413", "PROMPT_TOO_LARGE", False),
        ("too_long", "PROMPT_TOO_LARGE", False),
    ],
)
async def test_a_refusal_is_classed_by_its_status_and_counts_nothing(
    provider: Provider, model_server: ModelServer, fault: str, code: str, *, retry: bool
) -> None:
    heard = await hear(provider, f"[[{fault}]]")

    assert (heard.failure.code, heard.failure.retry, heard.failure.wait) == (code, retry, None)
    assert not heard.failure.sent
    assert heard.events == []
    assert heard.failure.details["provider"] == provider.name
    assert heard.failure.details["request_id"] == "req_refused"
    assert heard.failure.details["http_status"] == int(fault.partition("code=")[2] or 400)
    assert len(model_server.journal) == 1, "the client library tried again on its own"


async def test_a_named_wait_is_kept(provider: Provider) -> None:
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

    seconds = await hear(provider, "[[status code=429 retry-after=7]]")
    date = await hear(provider, f'[[status code=429 retry-after="{in_an_hour}"]]')
    far = await hear(provider, "[[status code=429 retry-after=999999999999]]")
    nonsense = await hear(provider, "[[status code=429 retry-after=soon]]")
    overload = await hear(provider, "[[status code=503 retry-after=3]]")

    assert seconds.failure.wait == timedelta(seconds=7)
    assert date.failure.wait is not None
    assert timedelta(minutes=59) < date.failure.wait <= timedelta(hours=1)
    assert far.failure.wait == timedelta(hours=24)
    assert nonsense.failure.wait is None
    assert overload.failure.wait == timedelta(seconds=3)


@pytest.mark.parametrize("fault", ["cut after=2", "end_early after=2", "error_event after=2", "stall after=2"])
async def test_a_stream_that_breaks_off_is_retried_and_keeps_what_was_reported(provider: Provider, fault: str) -> None:
    heard = await hear(provider, f"[[{fault}]]")

    assert (heard.failure.code, heard.failure.retry, heard.failure.sent) == ("PROVIDER_UNAVAILABLE", True, True)
    assert heard.text == "An answer "
    assert heard.stop is None
    if provider.name != "openai":  # which counts only at the end
        assert heard.usages[-1].input_tokens is not None
    assert all(not usage.final and usage.output_tokens is None for usage in heard.usages)


@pytest.mark.parametrize("fault", ["garbage", "html"])
async def test_an_answer_that_cannot_be_read_is_retried(provider: Provider, fault: str) -> None:
    heard = await hear(provider, f"[[{fault}]]")

    assert (heard.failure.code, heard.failure.retry, heard.failure.sent) == ("PROVIDER_BAD_ANSWER", True, True)


async def test_a_provider_that_never_answers_is_given_up(provider: Provider, model_server: ModelServer) -> None:
    heard = await hear(provider, "[[silent]]")

    assert (heard.failure.code, heard.failure.sent) == ("PROVIDER_UNAVAILABLE", True)
    await asyncio.wait_for((await model_server.request(0)).ended.wait(), 5)


async def test_a_slow_answer_that_keeps_moving_is_heard_to_its_end(provider: Provider) -> None:
    heard = await hear(provider, "[[drip seconds=0.05 pieces=40]]")  # twice as long as one silence may last

    assert heard.text.split()[-1] == "39"
    assert heard.stop is not None


async def test_closing_the_stream_closes_the_connection(provider: Provider, model_server: ModelServer) -> None:
    model = MODELS[provider.name]
    async with aclosing(provider.stream(prompt="[[stall after=1]]", model=model, max_tokens=9, key="k")) as events:
        async for event in events:
            if isinstance(event, Text):
                break

    entry = await model_server.request(0)
    await asyncio.wait_for(entry.ended.wait(), 5)
    assert entry.closed_by_client


async def test_cancelling_the_task_closes_the_connection(provider: Provider, model_server: ModelServer) -> None:
    call = asyncio.create_task(hear(provider, "[[silent]]"))
    entry = await model_server.request(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    await asyncio.wait_for(entry.ended.wait(), 5)
    assert entry.closed_by_client


async def test_a_provider_that_cannot_be_reached_was_not_sent_anything() -> None:
    async with ModelServer() as server:
        url = server.url
    for name in MODELS:
        provider = build_provider(name, api_key=API_KEY, base_url=url, patience=Patience(connect=2, silence=2))
        heard = await hear(provider, "hello")
        await provider.close()

        assert (heard.failure.code, heard.failure.retry, heard.failure.sent) == ("PROVIDER_UNAVAILABLE", True, False)


async def test_the_key_is_sent_and_appears_in_no_error(provider: Provider, model_server: ModelServer) -> None:
    heard = await hear(provider, "[[echo_key]]")

    assert (await model_server.request(0)).asked.credential == API_KEY
    told = f"{heard.failure!r} {heard.failure} {heard.failure.message} {heard.failure.details} {provider!r}"
    assert API_KEY not in told
    assert "[secret]" in heard.failure.details["answer"]


async def test_a_redirect_does_not_carry_the_key_to_another_host(model_server: ModelServer) -> None:
    async def redirect(request: Request, reply: Reply) -> None:
        await reply.send(307, {"location": f"{model_server.url}{request.path}"})

    async with HttpServer(redirect) as elsewhere:
        for name in MODELS:
            provider = build_provider(name, api_key=API_KEY, base_url=elsewhere.url)
            heard = await hear(provider, "hello")
            await provider.close()

            assert heard.failure.code in {"PROVIDER_BAD_ANSWER", "PROVIDER_REJECTED"}
    assert model_server.journal == []


async def test_a_huge_answer_is_heard_whole(provider: Provider) -> None:
    heard = await hear(provider, "[[huge bytes=300001]]")

    assert len(heard.text) == 300_001
    assert heard.usages[-1].output_tokens == 75_001


async def test_a_fault_can_pass_and_the_same_key_comes_again(provider: Provider, model_server: ModelServer) -> None:
    first, second = [await hear(provider, "[[status code=500 times=1]]", key="one") for _ in range(2)]

    assert (first.failure.code, second.error) == ("PROVIDER_UNAVAILABLE", None)
    assert [entry.asked.key for entry in model_server.journal] == ["one", "one"]


async def test_many_calls_at_once_do_not_wait_for_each_other(provider: Provider) -> None:
    prompts = [f"[[drip seconds=0.02 pieces=5]] {number}" for number in range(40)]

    answers = await asyncio.wait_for(asyncio.gather(*(hear(provider, prompt) for prompt in prompts)), 10)

    assert all(answer.stop for answer in answers)


def test_making_a_provider_imports_no_client_library() -> None:
    program = """
import sys
from workers.executions.providers.registry import PROVIDER_IDS, build_provider
for name in PROVIDER_IDS:
    build_provider(name, api_key="x")
heavy = {"anthropic", "openai", "google.genai", "pydantic_ai", "httpx2"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("claude", "MILEPOST_ANTHROPIC_API_KEY"),
        ("openai", "MILEPOST_OPENAI_API_KEY"),
        ("gemini", "MILEPOST_GOOGLE_API_KEY"),
        ("nobody", "claude, openai, gemini, offline"),
    ],
)
@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_the_error_names_what_to_set(name: str, setting: str, key: str | None) -> None:
    with pytest.raises(ProviderError) as refusal:
        build_provider(name, api_key=key)

    assert (refusal.value.code, refusal.value.retry, refusal.value.sent) == ("PROVIDER_NOT_CONFIGURED", False, False)
    assert setting in refusal.value.message
