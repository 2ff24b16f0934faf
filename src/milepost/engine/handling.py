"""Calls a handler, and makes an outcome of whatever it does, returns or raises."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from milepost.domain.outcome import Again, Done, Failed, Outcome
from milepost.engine.blame import told
from milepost.engine.returned import called, wrong
from milepost.ownership import OWNER

if TYPE_CHECKING:
    from milepost.engine.attempt import Attempt
    from milepost.engine.context import Context

logger = logging.getLogger("milepost.attempts")


async def handled(attempt: Attempt, context: Context) -> Outcome | None:
    """Never raises. None: the job is somebody else's by now."""
    whose = OWNER.set(attempt)
    try:
        work: Any = attempt.handler(attempt.job, context)
        if hasattr(work, "__await__"):
            outcome = _returned(attempt, await work)
        else:
            outcome = _refused(
                attempt, f"The handler is no 'async def': called, it gave {called(work)}, which nobody can await."
            )
    except BaseException as error:  # noqa: BLE001 - a handler's SystemExit ends its attempt, not the worker
        outcome = _raised(attempt, error)
    finally:
        OWNER.reset(whose)
    if attempt.task is not None and attempt.task.cancelling():
        await _forget_cancels(attempt.task)
    return outcome


async def _forget_cancels(task: asyncio.Task[Any]) -> None:
    """One that the handler did not live to see would be raised by the house's next await."""
    while task.cancelling():
        task.uncancel()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)


def _returned(attempt: Attempt, answer: Any) -> Outcome | None:
    fault = wrong(attempt.kind, attempt.job, answer)
    if fault is not None:
        return _refused(attempt, fault)
    if _counts(attempt, answer):
        return answer
    said = type(answer).__name__ + (f" {answer.code}" if isinstance(answer, Failed | Again) else "")
    effects = () if isinstance(answer, Again) else answer.effects
    return attempt.stopped(f"the handler returned {said} when it was stopped", columns=answer.columns, effects=effects)


def _counts(attempt: Attempt, answer: Outcome) -> bool:
    """Whether the handler's own word is heard: work that is done always is, and what is said of a stop is not."""
    match attempt.stopping:
        case None | "cancel" | "lost":
            return True
        case "hand_back":
            return isinstance(answer, Done | Again)
        case _:
            return isinstance(answer, Done)


def _refused(attempt: Attempt, fault: str) -> Outcome | None:
    logger.warning("handler of %s: %s", attempt.job, fault)
    if attempt.stopping is not None:
        return attempt.stopped(fault)
    return Failed("RESULT_REFUSED", fault, columns=attempt.kept)


def _raised(attempt: Attempt, error: BaseException) -> Outcome | None:
    """What escapes a handler is a retryable failure. While it is being stopped, it is a note to the stop."""
    what, asked = told(error, attempt.handler), attempt.stopping is not None
    if asked and isinstance(error, asyncio.CancelledError):
        return attempt.stopped()
    logger.warning("handler of %s raised %s", attempt.job, what)
    if asked:
        return attempt.stopped(f"the handler raised {what} when it was stopped")
    unasked = isinstance(error, asyncio.CancelledError)
    message = (
        f"The handler was cancelled ({what}), and nobody here asked for it."
        if unasked
        else f"The handler raised {what}."
    )
    return Failed("INTERNAL", message, retry=True, columns=attempt.kept)
