"""Effects: the extra rows that a transition or a new job writes in its own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from uuid import UUID

from milepost.db.connections import Connection
from milepost.domain.errors import EffectRefused
from milepost.domain.transition import Effect


async def apply_effects(connection: Connection, effects: Mapping[UUID, tuple[Effect, ...]]) -> None:
    """Writes the extra rows of many jobs, statement by statement in lock order. Raises EffectRefused."""
    pairs = [(effect, job_id) for job_id, of_job in effects.items() for effect in of_job]
    pairs.sort(key=lambda pair: (pair[0].statement.rank, pair[0].statement.name))
    for statement, same in groupby(pairs, key=lambda pair: pair[0].statement):
        rows = [(job_id, *effect.values) for effect, job_id in same]
        accepted = await connection.fetch(statement.sql, *(list(column) for column in zip(*rows, strict=True)))
        if statement.refusable:
            refused = {row[0] for row in rows} - {row[0] for row in accepted}
            if refused:
                raise EffectRefused(job_id=next(iter(refused)), statement=statement.name)
