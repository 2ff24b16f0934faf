"""The work of moving: transitions by compare-and-swap on the version, one array statement per shape of a group."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from milepost.db import statements
from milepost.db.connections import Connection, Doubting
from milepost.db.effects import apply_effects
from milepost.db.job_table import JobTable
from milepost.domain.errors import StaleVersion
from milepost.domain.machine import Edge
from milepost.domain.transition import Transition

# what one statement can do for many transitions: edge, columns, noted, delayed, attempt step, with effects
Shape: TypeAlias = tuple[Edge, tuple[str, ...], bool, bool, int, bool]


class Moved(NamedTuple):
    """The new version; for edges into the queue also what its bell needs."""

    version: int
    priority: int = 0
    due_at: datetime | None = None


def newest(transitions: Sequence[Transition]) -> dict[UUID, Transition]:
    """Of several moves of one job in a group the one to be tried: versions only rise, so the others are stale.

    It is the one that knows the newest version, a late attempt and the present one being in one process, and of those
    the first.
    """
    chosen: dict[UUID, Transition] = {}
    for transition in transitions:
        known = chosen.get(transition.job_id)
        if known is None or transition.version > known.version:
            chosen[transition.job_id] = transition
    return chosen


def move_work(table: JobTable, shape: Shape, members: list[Transition]) -> Doubting[list[Moved | Exception]]:
    """Makes transitions of one shape, all with one commit. A job that is no longer at the wanted version is stale."""

    async def work(connection: Connection, /, *, doubt: bool) -> list[Moved | Exception]:
        results = await _move_shape(connection, table, shape, members)
        if doubt and len(results) < len(members):
            results |= await _settled(connection, table, [t for t in members if t.job_id not in results])
        return [results.get(t.job_id) or StaleVersion(job_id=t.job_id, version=t.version) for t in members]

    return work


def made_work(table: JobTable, wanted: Transition) -> Callable[[Connection], Awaitable[Moved | None]]:
    async def work(connection: Connection) -> Moved | None:
        return (await _settled(connection, table, [wanted])).get(wanted.job_id)

    return work


async def _move_shape(
    connection: Connection, table: JobTable, shape: Shape, members: list[Transition]
) -> dict[UUID, Moved]:
    edge, columns, noted, delayed, attempt_step, with_effects = shape
    sql = statements.move(table, edge, columns, attempt_step, noted=noted, delayed=delayed)
    args = _arguments(members, columns, noted=noted, delayed=delayed)
    if not with_effects:
        return _moved(members, await connection.fetch(sql, *args))
    async with connection.transaction():
        moved = _moved(members, await connection.fetch(sql, *args))
        await apply_effects(connection, {t.job_id: t.effects for t in members if t.job_id in moved})
        return moved


def _shape(t: Transition) -> Shape:
    return (t.edge, tuple(t.columns), t.note is not None, t.delay is not None, t.attempt_step, bool(t.effects))


def by_shape(transitions: Iterable[Transition]) -> dict[Shape, list[Transition]]:
    """What one statement can do together."""
    shapes: dict[Shape, list[Transition]] = {}
    for transition in transitions:
        shapes.setdefault(_shape(transition), []).append(transition)
    for members in shapes.values():
        # rows are locked in the order of their ids, so that two groups cannot wait for each other
        members.sort(key=lambda t: t.job_id.bytes)
    return shapes


def _arguments(members: list[Transition], columns: tuple[str, ...], *, noted: bool, delayed: bool) -> list[list[Any]]:
    arguments: list[list[Any]] = [
        [t.job_id for t in members],
        [t.version for t in members],
        [t.actor for t in members],
    ]
    if noted:
        arguments.append([t.status_reason for t in members])
    if delayed:
        arguments.append([t.delay.total_seconds() if t.delay else 0.0 for t in members])
    return arguments + [[t.columns[column] for t in members] for column in columns]


def _moved(members: Sequence[Transition], rows: Sequence[Any]) -> dict[UUID, Moved]:
    versions = {t.job_id: t.version + 1 for t in members}
    return {row[0]: Moved(versions[row[0]], *row[1:]) for row in rows}


async def _settled(connection: Connection, table: JobTable, missing: Sequence[Transition]) -> dict[UUID, Moved]:
    """Those of an earlier try whose answer was lost: they stand in the history as they were wanted."""
    rows = await connection.fetch(
        statements.settled(table),
        [t.job_id for t in missing],
        [t.version for t in missing],
        [t.edge.to_status for t in missing],
        [t.status_reason for t in missing],
        [t.actor for t in missing],
    )
    return _moved(missing, rows)
