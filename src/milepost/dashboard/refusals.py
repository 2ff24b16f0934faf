"""What a page says instead of its content: a status, a sentence, what to do next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from milepost.domain.errors import (
    IllegalTransition,
    JobNotFound,
    MilepostError,
    SearchTooSlow,
    StaleVersion,
    TooOften,
    Unavailable,
    VersionMismatch,
)
from milepost.storage import StoreRefused

logger = logging.getLogger("milepost.dashboard")


@dataclass(eq=False)
class Refused(Exception):
    """Shown as a page of its own."""

    status: int
    title: str
    detail: str


def not_found() -> Refused:
    """Alike for what does not exist and what is another's."""
    return Refused(404, "There is nothing here", "It may have been cleaned up, or it is not yours to see.")


def forged() -> Refused:
    return Refused(
        403, "This form is too old", "It was not sent from a page of this session. Go back, reload, try again."
    )


FORESEEN: tuple[tuple[tuple[type[MilepostError], ...], Callable[[], Refused]], ...] = (
    ((JobNotFound,), not_found),
    (
        (VersionMismatch, StaleVersion, IllegalTransition),
        lambda: Refused(409, "The job has moved on", "Somebody was first. Look at what it is doing now, then decide."),
    ),
    (
        (TooOften,),
        lambda: Refused(429, "Too many keys were tried", "Wait a minute, then sign in with one that you were given."),
    ),
    (
        (SearchTooSlow,),
        lambda: Refused(422, "The search took too long", "Narrow it by kind, state or owner."),
    ),
    (
        (StoreRefused,),
        lambda: Refused(503, "The file cannot be read now", "The store does not answer. Try again in a moment."),
    ),
    (
        (Unavailable,),
        lambda: Refused(503, "The database does not answer", "Jobs are safe. Try again in a moment."),
    ),
)


def refusal_of(error: MilepostError) -> Refused:
    """The first that fits."""
    for types, refused in FORESEEN:
        if isinstance(error, types):
            return refused()
    logger.error("a page was refused unforeseen: %s", error)
    return Refused(500, "That went wrong", "It is in the log. Try again.")
