"""The work on jobs that a worker takes and holds: claims, leases renewed, notes, the request to stop."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from milepost.db import statements
from milepost.db.connections import Connection, Doubting
from milepost.db.job_table import JobTable
from milepost.domain.job import Job

logger = logging.getLogger("milepost.holds")


@dataclass(frozen=True, slots=True)
class Claims:
    """What became of a group of bells: jobs now ours, and jobs to look at again when they are due."""

    jobs: list[Job] = field(default_factory=list[Job])
    later: list[tuple[UUID, datetime]] = field(default_factory=list[tuple[UUID, datetime]])


class Beat(NamedTuple):
    """One renewed lease, of the job at that version."""

    job_id: UUID
    version: int
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Note:
    """Columns of a running job, to be written without a transition."""

    job_id: UUID
    version: int
    worker: str
    columns: Mapping[str, Any]


def claim_work(
    table: JobTable, wanted: Sequence[tuple[UUID, int]], worker: str, lease_seconds: float
) -> Doubting[Claims]:
    ids, versions = _arrays(wanted)

    async def work(connection: Connection, /, *, doubt: bool) -> Claims:
        rows = await connection.fetch(statements.claim(table), ids, versions, worker, lease_seconds)
        claims = Claims([Job(table.kind, row) for row in rows])
        if len(rows) < len(ids):
            await _explain_refused(connection, table, wanted, claims, worker, doubt=doubt)
        return claims

    return work


def merged(parts: Sequence[Claims | Exception]) -> Claims:
    """The claims of a group that was split. What failed alone is in none: its bell leads nowhere."""
    claims = Claims()
    for part in parts:
        if isinstance(part, Claims):
            claims.jobs.extend(part.jobs)
            claims.later.extend(part.later)
        else:
            logger.warning("a bell was dropped, its job cannot be claimed: %s", type(part.__cause__ or part).__name__)
    return claims


async def _explain_refused(
    connection: Connection,
    table: JobTable,
    wanted: Sequence[tuple[UUID, int]],
    claims: Claims,
    worker: str,
    *,
    doubt: bool,
) -> None:
    mine = {job.id for job in claims.jobs}
    ids, versions = _arrays([pair for pair in wanted if pair[0] not in mine])
    for row in await connection.fetch(statements.refused_claims(table), ids, versions, worker):
        if row["waits"]:
            claims.later.append((row["id"], row["again_at"]))
        elif doubt:  # an earlier try of this very call committed and its answer was lost
            claims.jobs.append(Job(table.kind, row))


def beat_work(
    table: JobTable, held: Sequence[tuple[UUID, int]], worker: str, lease_seconds: float
) -> Callable[[Connection], Awaitable[list[Beat]]]:
    ids, versions = _arrays(sorted(held, key=lambda pair: pair[0].bytes))

    async def work(connection: Connection) -> list[Beat]:
        rows = await connection.fetch(statements.beat(table), ids, versions, worker, lease_seconds)
        return [Beat(row[0], row[1], row[2] is not None) for row in rows]

    return work


def note_work(table: JobTable, notes: Sequence[Note]) -> Callable[[Connection], Awaitable[list[bool | Exception]]]:
    async def work(connection: Connection) -> list[bool | Exception]:
        kept: set[tuple[UUID, int]] = set()
        ordered = sorted(notes, key=lambda n: (n.worker, tuple(n.columns), n.job_id.bytes, n.version))
        for (worker, columns), same in groupby(ordered, key=lambda n: (n.worker, tuple(n.columns))):
            # of several notes about one job in a group the last one of its newest version stands
            members = list({n.job_id: n for n in same}.values())
            ids, versions = [n.job_id for n in members], [n.version for n in members]
            values = [[n.columns[c] for n in members] for c in columns]
            rows = await connection.fetch(statements.note(table, columns), ids, versions, worker, *values)
            written = {row[0] for row in rows}
            kept |= {(n.job_id, n.version) for n in members if n.job_id in written}
        return [(n.job_id, n.version) in kept for n in notes]

    return work


def cancel_work(table: JobTable, job_id: UUID, version: int, actor: str) -> Callable[[Connection], Awaitable[bool]]:
    running = [status for status, phase in table.machine.phases.items() if phase == "running"]

    async def work(connection: Connection) -> bool:
        sql = statements.request_cancel(table, running)
        return bool(await connection.fetch(sql, job_id, version, actor))

    return work


def _arrays(pairs: Sequence[tuple[UUID, int]]) -> tuple[list[UUID], list[int]]:
    return [job_id for job_id, _ in pairs], [version for _, version in pairs]
