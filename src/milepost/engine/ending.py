"""The end of an attempt: its outcome becomes a transition, and is held while the server is at fault."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from milepost.db.moves import Moved
from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.errors import EffectRefused, IllegalTransition, RowRefused, StaleVersion, Unavailable
from milepost.domain.outcome import Done, Failed, Outcome
from milepost.domain.transition import Transition
from milepost.engine.attempt import Attempt, Workshop
from milepost.engine.holding import holding
from milepost.engine.seldom import Seldom
from milepost.engine.transit import bell_after, transit
from milepost.engine.winning import still_ours

logger = logging.getLogger("milepost.attempts")

TRIES = 3
# a result whose attempt has no time left is held so long all the same: seconds
LEAST_HELD = 60.0
# longer than a write takes on a server that is well
HELD_AFTER = 1.0


class Endings:
    """Ends attempts, and knows which of them wait for a server."""

    def __init__(self, shop: Workshop, actor: str, counts: Counter[str]) -> None:
        self._shop = shop
        self._actor = actor
        self._counts = counts
        self._open: dict[Attempt, float] = {}
        self._told = Seldom(logger)

    @property
    def held(self) -> int:
        """How many results wait for their database."""
        return sum(map(len, self._held().values()))

    async def end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Raises nothing but CancelledError, which gives the outcome up."""
        self._open[attempt] = now = time.monotonic()
        # where the job waits again anyway, there is nothing to be won
        attempt.winnable = isinstance(outcome, Done) or (isinstance(outcome, Failed) and not outcome.retry)
        try:
            # beyond the attempt's own time maintenance ends the job
            until = max(attempt.until, now + LEAST_HELD)
            await holding(attempt, partial(self._end, attempt, outcome), until=until)
        except Unavailable:
            self._lose(attempt, outcome)
        except asyncio.CancelledError:
            self._lose(attempt, outcome)
            raise
        except Exception:
            # the lease will end and the job be rescued: nothing is lost but time
            logger.exception("attempt of %s could not be ended", attempt.job)
            self._counts["end_failed"] += 1
        finally:
            del self._open[attempt]

    def tell(self) -> None:
        """Says for which databases results are held, and why: once, then seldom, and when it is over."""
        held = self._held()
        for database, attempts in held.items():
            fault = next((a.fault for a in attempts if a.fault), None) or database.connections.trouble
            self._told.tell(
                database.name, logging.ERROR, "%d finished results of tenant %s are held and tried again, that of %s among them: %s",
                len(attempts), database.name, attempts[0].job, _why(fault),
            )  # fmt: skip
        for name in self._told.over({database.name for database in held}):
            logger.warning("no result of tenant %s is held any more", name)

    def _held(self) -> dict[TenantDatabase, list[Attempt]]:
        found: dict[TenantDatabase, list[Attempt]] = {}
        late = time.monotonic() - HELD_AFTER
        for attempt, since in self._open.items():
            if since <= late:
                found.setdefault(attempt.database, []).append(attempt)
        return found

    def _lose(self, attempt: Attempt, outcome: Outcome) -> None:
        self._counts["result_lost"] += 1
        fault = attempt.fault or attempt.database.connections.trouble
        logger.error(
            "the outcome of %s (%s) is lost, the job will be run again: %s", attempt.job, _called(outcome), _why(fault)
        )

    def _decide(self, attempt: Attempt, outcome: Outcome) -> Transition:
        machine, job = attempt.kind.machine, attempt.job
        if isinstance(outcome, Done):  # the common case needs neither clock nor chance
            return decide.succeeded(machine, job, outcome, actor=self._actor)
        return decide.after_attempt(
            machine, attempt.kind.policy, job, outcome,
            actor=self._actor, now=attempt.now(), chance=self._shop.chance(),
        )  # fmt: skip

    async def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Applies the outcome; decides again where a cancel request came in between. Raises Unavailable."""
        for _ in range(TRIES):
            known = attempt.job
            try:
                wanted = self._decide(attempt, outcome)
                moved = await self._moved(attempt, wanted)
            except StaleVersion:
                if await still_ours(attempt, known):
                    continue
                self._counts["rejected"] += 1
                logger.warning("late result of %s rejected: somebody else changed the job", attempt.job)
                return
            except (RowRefused, EffectRefused, IllegalTransition) as error:
                logger.warning("result of %s refused: %s", attempt.job, error)
                # what the attempt used is kept, unless that is what was refused
                kept: Mapping[str, Any] = {} if isinstance(outcome, Failed) else attempt.kept
                outcome = Failed("RESULT_REFUSED", f"The result could not be stored: {error}", columns=kept)
                continue
            await self._made(attempt, wanted, moved)
            return
        self._counts["end_failed"] += 1
        logger.error("attempt of %s could not be ended as %s", attempt.job, type(outcome).__name__)

    async def _moved(self, attempt: Attempt, wanted: Transition) -> Moved:
        try:
            return await transit(attempt.database, attempt.kind, attempt.job, wanted)
        except StaleVersion:
            if attempt.troubled:  # an earlier try may have been committed, and its answer lost
                made = await attempt.database.ledger.made(attempt.kind.table, wanted)
                if made is not None:
                    return made
            raise

    async def _made(self, attempt: Attempt, wanted: Transition, moved: Moved) -> None:
        self._counts[wanted.edge.reason] += 1
        if moved.due_at is not None:
            await self._shop.ringer.ring([bell_after(attempt.database, attempt.kind, attempt.job, moved)])


def _called(outcome: Outcome) -> str:
    return type(outcome).__name__ + (f" {outcome.code}" if isinstance(outcome, Failed) else "")


def _why(fault: Unavailable | None) -> str:
    return "the database takes its time." if fault is None else f"{fault} {fault.hint or ''}"
