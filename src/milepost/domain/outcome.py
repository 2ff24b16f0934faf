"""What a handler may return. Outcomes are values; an exception that escapes a handler is a retryable failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from milepost.domain.transition import Effect


@dataclass(frozen=True, slots=True)
class Done:
    """The work is finished. `columns` are the kind's own; `effects` commit with the transition or not at all.

    `reason` names the edge where a kind has more than one way to succeed.
    """

    columns: Mapping[str, Any] = field(default_factory=dict[str, Any])
    effects: tuple[Effect, ...] = ()
    reason: str = "completed"


@dataclass(frozen=True, slots=True)
class Again:
    """Nothing was done yet and nothing went wrong: try again after a wait. Uses up no attempt."""

    wait: timedelta
    code: str
    message: str
    columns: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed. `code` is UPPER_SNAKE, `message` fit to show to the owner. `wait`: named by the upstream."""

    code: str
    message: str
    retry: bool = False
    wait: timedelta | None = None
    columns: Mapping[str, Any] = field(default_factory=dict[str, Any])
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The handler stopped because it was asked to. `note`: what is to be read beside the reason in the history."""

    columns: Mapping[str, Any] = field(default_factory=dict[str, Any])
    effects: tuple[Effect, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The attempt ran longer than its time-out. Made by the engine, never by a handler."""

    columns: Mapping[str, Any] = field(default_factory=dict[str, Any])
    effects: tuple[Effect, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The worker was asked to stop before the work was finished. Uses up no attempt. Made by the engine, never by a handler."""

    columns: Mapping[str, Any] = field(default_factory=dict[str, Any])
    effects: tuple[Effect, ...] = ()
    note: str | None = None


Outcome = Done | Again | Failed | Cancelled | TimedOut | HandedBack
