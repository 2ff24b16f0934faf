"""The port through which an execution asks a language model: events while it answers, one error when it does not."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Token totals of this call so far, as the provider reports them; None is a number it has not reported.

    `final` marks the last report of an answer that ended whole. `estimated` marks counts made here, not by a provider.
    """

    input_tokens: int | None
    output_tokens: int | None
    final: bool = False
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """The answer ended, and why in the provider's own word (`end_turn`, `max_tokens`, `stop`, `STOP`, ...)."""

    reason: str


Event = Text | Usage | Stop


class Provider(Protocol):
    """One provider. A call yields texts and usages and, if the answer ended whole, exactly one `Stop` at the very end."""

    name: str

    def stream(self, *, prompt: str, model: str, max_tokens: int, key: str) -> AsyncGenerator[Event, None]:
        """Ask once, without retries; `key` is sent as the idempotency key.

        Raises `ProviderError`, after a `Usage` if anything was reported by then. Closing the generator closes the
        connection.
        """
        ...

    async def close(self) -> None:
        """Close idle connections."""
        ...


class ProviderError(Exception):
    """A call that did not end whole.

    `message` says what to do next. `wait` is the pause the provider named. `sent` tells whether the provider may have
    worked, and billed: false when nothing left here or it refused with a status before the first byte of an answer.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retry: bool = False,
        wait: timedelta | None = None,
        sent: bool = False,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retry = retry
        self.wait = wait
        self.sent = sent
        self.details: dict[str, Any] = details or {}
