"""Makes the transitions that maintenance decided, each on its own, and rings for jobs that wait again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from milepost.db.moves import Moved
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import IllegalTransition, StaleVersion
from milepost.domain.job import Job
from milepost.domain.transition import Transition
from milepost.engine.kind import Kind
from milepost.engine.ports import Ringer
from milepost.engine.transit import bell_after, with_effects

logger = logging.getLogger("milepost.maintenance")


async def settle(
    database: TenantDatabase, kind: Kind, jobs: Sequence[Job], decided: Callable[[Job], Transition], ringer: Ringer
) -> int:
    """How many were moved. Who was first elsewhere wins; a job whose rows are refused is left for the next round."""
    pairs = [(job, wanted) for job in jobs if (wanted := _decide(kind, job, decided)) is not None]
    if not pairs:
        return 0
    answers = await database.ledger.move_all(kind.table, [wanted for _, wanted in pairs])
    moved = [(job, answer) for (job, _), answer in zip(pairs, answers, strict=True) if isinstance(answer, Moved)]
    await ringer.ring([bell_after(database, kind, job, answer) for job, answer in moved if answer.due_at is not None])
    for (job, wanted), answer in zip(pairs, answers, strict=True):
        if isinstance(answer, Exception) and not isinstance(answer, StaleVersion):
            logger.error("%s could not end as %s: %r", job, wanted.edge.reason, answer.__cause__ or answer)
    return len(moved)


def _decide(kind: Kind, job: Job, decided: Callable[[Job], Transition]) -> Transition | None:
    try:
        return with_effects(kind, job, decided(job))
    except IllegalTransition as error:
        logger.error("%s is left as it is: %s", job, error)  # noqa: TRY400 - the sentence says it all
        return None
