"""The model `offline/extract`: a summary made of the prompt's own sentences. No language model is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator

from workers.executions.providers.port import Event, Stop, Text, Usage
from workers.executions.providers.summary import summarize
from workers.executions.tokens import estimate_tokens

MODEL = "offline/extract"
HEADING = "[offline/extract: an extractive summary, no language model was asked]"

_BYTES_PER_TOKEN = 4
_PIECE = 256


class OfflineProvider:
    """Deterministic: the same prompt and bound give the same answer. Counts are estimates and marked so."""

    name = "offline"

    async def stream(
        self,
        *,
        prompt: str,
        model: str,  # noqa: ARG002 - there is one
        max_tokens: int,
        key: str,  # noqa: ARG002 - the same request has the same answer anyway
    ) -> AsyncGenerator[Event, None]:
        read = estimate_tokens(prompt)
        yield Usage(read, None, estimated=True)
        answer, whole = await asyncio.to_thread(extract, prompt, max_tokens)
        for piece in _pieces(answer):
            yield Text(piece)
            await asyncio.sleep(0)
        yield Usage(read, estimate_tokens(answer), final=True, estimated=True)
        yield Stop("end_turn" if whole else "max_tokens")

    async def close(self) -> None:
        """Nothing is open."""


def extract(prompt: str, max_tokens: int) -> tuple[str, bool]:
    """The answer, never longer than `max_tokens` by the estimate, and whether everything meant for it fitted."""
    room = max_tokens * _BYTES_PER_TOKEN
    heading = HEADING.encode()
    if room <= len(heading):
        return heading[:room].decode("ascii"), False
    summary, whole = summarize(prompt, room - len(heading) - 1)
    return (f"{HEADING}\n{summary}", whole) if summary else (HEADING, whole)


def _pieces(answer: str) -> Iterator[str]:
    return (answer[start : start + _PIECE] for start in range(0, len(answer), _PIECE))
