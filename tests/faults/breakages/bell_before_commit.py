"""A submit rings first and commits afterwards, and no reconciler rings again: a wake-up that comes too early is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from milepost.db.submits import NewJob, Submitted
from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell
from milepost.engine import submit as engine
from milepost.engine.kind import Kind
from milepost.engine.ports import Ringer
from tests.faults.breakages import no_reconciler
from tests.faults.breakages.patching import replace


class Silent:
    """The bells have been rung."""

    def ring_soon(self, bells: Sequence[Bell]) -> None: ...

    async def ring(self, bells: Sequence[Bell]) -> None: ...


def apply() -> None:
    replace(engine, "submit", _one)
    replace(engine, "submit_all", _many)
    no_reconciler.apply()


def _first_bell(database: TenantDatabase, kind: Kind, new: NewJob) -> Bell:
    return Bell(database.name, kind.name, new.id, 1, new.priority, new.scheduled_at)


def _one(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit(database: TenantDatabase, kind: Kind, new: NewJob, ringer: Ringer) -> Submitted:
        await ringer.ring([_first_bell(database, kind, new)])
        return await original(database, kind, new, Silent())

    return submit


def _many(original: Callable[..., Any]) -> Callable[..., Any]:
    async def submit_all(
        database: TenantDatabase, kind: Kind, new: Sequence[NewJob], ringer: Ringer
    ) -> list[Submitted]:
        await ringer.ring([_first_bell(database, kind, job) for job in new])
        return await original(database, kind, new, Silent())

    return submit_all
