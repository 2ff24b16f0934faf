"""Looks every half minute at what changed, and at the end at everything."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from tests.faults.answers import wrong_answers
from tests.faults.chaos.effects import effects
from tests.faults.chaos.stage import AWAY, Stage
from tests.faults.invariants import ALWAYS, AT_REST, OWN_ANSWER, Invariant, counterexamples

EVERY = 30.0
NEWEST = "SELECT coalesce(max(id), 0) FROM status_transitions"
TOUCHED = "SELECT DISTINCT job_id FROM status_transitions WHERE id > $1"


class Oracle:
    """`found`: what was ever broken, each row once."""

    def __init__(self, stage: Stage) -> None:
        self.checks = 0
        self.found: dict[Invariant, list[Any]] = {}
        self._stage = stage
        # ids are taken before their rows are committed: what is looked at begins two looks ago
        self._marks = [0, 0]
        self._asked_for = 0

    @property
    def violations(self) -> int:
        return sum(len(rows) for rows in self.found.values())

    async def watch(self, every: float = EVERY) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(every)
            await self._look_when_possible(self._changed)

    async def at_rest(self) -> None:
        """All of it, when nothing happens any more."""
        await self._look_when_possible(self._all)

    def note(self, invariant: Invariant, rows: list[Any]) -> None:
        known = self.found.setdefault(invariant, [])
        known += [row for row in map(tuple, rows) if row not in known]
        if not known:
            del self.found[invariant]

    async def _look_when_possible(self, look: Any) -> None:
        while True:
            try:
                connection = await asyncpg.connect(self._stage.site.addresses.owner, timeout=10, command_timeout=300)
                try:
                    async with connection.transaction(isolation="repeatable_read", readonly=True):
                        found = await look(connection)
                finally:
                    await connection.close(timeout=2)
            except AWAY:
                await asyncio.sleep(0.5)
                continue
            for invariant, rows in found.items():
                self.note(invariant, rows)
            self.checks += 1
            return

    async def _changed(self, connection: Any) -> dict[Invariant, list[Any]]:
        promised = self._stage.load.journal.promised[self._asked_for :]
        newest = await connection.fetchval(NEWEST)
        some = [row[0] for row in await connection.fetch(TOUCHED, self._marks[0])]
        found = await counterexamples(connection, ALWAYS, promised, some)
        self._marks = [self._marks[1], newest]
        self._asked_for += len(promised)
        return found

    async def _all(self, connection: Any) -> dict[Invariant, list[Any]]:
        found = await counterexamples(connection, {**AT_REST, **ALWAYS}, self._stage.load.journal.promised)
        found[OWN_ANSWER] = await wrong_answers(connection)
        return {**found, **await effects(connection, self._stage.site.models.journal)}
