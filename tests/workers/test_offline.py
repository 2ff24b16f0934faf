"""The offline extract: deterministic, bounded, honest about itself, and quick on any prompt."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.workers.conftest import hear
from workers.executions.providers.offline import HEADING, OfflineProvider
from workers.executions.tokens import estimate_tokens

ARTICLE = (
    "Mileposts stand along a road. A milepost tells the distance to a town. It rained on Tuesday. "
    "Travellers read the mileposts to know the distance left. The road crew paints every milepost. "
    "Somebody ate soup. A milepost without a number tells nothing about distance. Birds sing."
)


async def test_the_answer_names_itself_and_is_made_of_the_prompts_sentences() -> None:
    heard = await hear(OfflineProvider(), ARTICLE)

    heading, _, summary = heard.text.partition("\n")
    assert heading == HEADING
    assert "A milepost tells the distance to a town." in summary
    assert "soup" not in summary
    assert all(sentence.strip(" .") in ARTICLE for sentence in summary.split(". "))
    assert heard.stop == "end_turn"


async def test_the_same_prompt_has_the_same_answer() -> None:
    first, second = [await hear(OfflineProvider(), ARTICLE * 20) for _ in range(2)]

    assert first.events == second.events


async def test_counts_are_estimates_and_say_so() -> None:
    heard = await hear(OfflineProvider(), "Räksmörgås!")

    assert heard.usages[-1].input_tokens == 4  # 14 bytes
    assert heard.usages[-1].output_tokens == estimate_tokens(heard.text)
    assert all(usage.estimated for usage in heard.usages)


@pytest.mark.parametrize("max_tokens", [1, 17, 18, 19, 20, 30, 40])
async def test_the_answer_is_never_longer_than_asked(max_tokens: int) -> None:
    heard = await hear(OfflineProvider(), "猫が好きです。" + ARTICLE, max_tokens=max_tokens)

    assert 0 < estimate_tokens(heard.text) <= max_tokens
    assert heard.stop == "max_tokens"


@pytest.mark.parametrize(
    ("prompt", "kept", "dropped"),
    [
        (
            "東京の天気は晴れです。東京の気温は高いです。昨日カレーを食べた。東京の天気は明日も晴れです。犬がいる。",
            "東京の天気は晴れです。",
            "カレー",
        ),
        (
            "서울 날씨는 맑습니다. 서울 기온은 높습니다. 어제 국수를 먹었다. 내일도 서울 날씨는 맑습니다. 개가 있다.",
            "서울 날씨는 맑습니다.",
            "국수",
        ),
    ],
    ids=["Japanese", "Korean"],
)
async def test_scripts_of_east_asia_are_summarized_too(prompt: str, kept: str, dropped: str) -> None:
    heard = await hear(OfflineProvider(), prompt, max_tokens=400)

    assert kept in heard.text
    assert dropped not in heard.text


@pytest.mark.parametrize("prompt", ["hello", "?", "…", "a\0b", "🙂", "line\nline\nline", "3.14 is not two sentences"])
async def test_a_tiny_prompt_comes_back_as_it_is(prompt: str) -> None:
    heard = await hear(OfflineProvider(), prompt)

    assert heard.text.partition("\n")[2] == ("line" if "line" in prompt else prompt)


@pytest.mark.parametrize(
    "prompt",
    ["x" * 2**20, "The fox runs. " * 75_000, "a.b" * 350_000, "猫" * 349_000, "。" * 349_000, "\n" * 2**20 + "x"],
    ids=["one word", "one sentence", "no spaces", "one script", "only marks", "only lines"],
)
async def test_a_prompt_of_a_megabyte_takes_less_than_a_second_and_leaves_the_loop_free(prompt: str) -> None:
    beats: list[float] = []

    async def beat() -> None:
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.01)

    beating = asyncio.create_task(beat())
    before = time.monotonic()
    heard = await hear(OfflineProvider(), prompt, max_tokens=4096)
    took = time.monotonic() - before
    beating.cancel()

    assert heard.stop is not None
    assert took < 1
    gaps = [later - earlier for earlier, later in zip(beats, [*beats[1:], before + took], strict=True)]
    assert max(gaps) < 0.5
