"""Makes one decided transition, with the rows that its kind says belong to it."""

from __future__ import annotations

from collections.abc import Awaitable

from milepost.db.moves import Moved
from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell
from milepost.domain.job import Job
from milepost.domain.transition import Transition
from milepost.engine.kind import Kind, no_effects


def with_effects(kind: Kind, job: Job, transition: Transition) -> Transition:
    """The transition with the extra rows of its kind; the same object where there are none."""
    if kind.effects is no_effects:
        return transition
    extra = kind.effects(job, transition)
    return transition._replace(effects=(*transition.effects, *extra)) if extra else transition


def transit(database: TenantDatabase, kind: Kind, job: Job, transition: Transition) -> Awaitable[Moved]:
    """Awaiting it raises StaleVersion, EffectRefused or RowRefused; then nothing happened."""
    return database.ledger.move(kind.table, with_effects(kind, job, transition))


def bell_after(database: TenantDatabase, kind: Kind, job: Job, moved: Moved) -> Bell:
    """The bell of a job that a transition put back into the queue."""
    return Bell(database.name, kind.name, job.id, moved.version, moved.priority, moved.due_at)
