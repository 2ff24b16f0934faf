"""The database itself takes every legal edge of every kind and refuses every other, whoever asks."""

from __future__ import annotations

from collections import deque
from typing import Any

import asyncpg
import pytest

from milepost.domain.machine import Phase, StateMachine
from milepost.engine.kind import Kind
from tests.kinds.conftest import result


def way_to(machine: StateMachine, wanted: str) -> list[str]:
    """The statuses on the shortest way from birth."""
    ways, queue = {machine.queued: list[str]()}, deque([machine.queued])
    while queue:
        here = queue.popleft()
        for start, end in sorted(machine.pairs()):
            if start == here and end not in ways:
                ways[end] = [*ways[here], end]
                queue.append(end)
    return ways[wanted]


async def go(owner: Any, kind: Kind, job_id: Any, status: str) -> None:
    ended = "now()" if kind.machine.terminal(status) else "NULL"
    columns = result(kind)
    if kind.machine.phase(status) is Phase.SUCCEEDED:
        columns["progress"] = 100
    else:  # so that a rule of the row is never what refuses an edge
        columns = dict.fromkeys(columns)
    more = "".join(f", {name} = ${place}" for place, name in enumerate(columns, 3))
    await owner.execute(
        f"UPDATE {kind.table.name} SET status = $2, version = version + 1, finished_at = {ended}{more} WHERE id = $1",
        job_id, status, *columns.values(),
    )  # fmt: skip


async def test_only_legal_edges_can_be_taken(born: Any, kind: Kind, owner: Any) -> None:
    machine, seen = kind.machine, dict[tuple[str, str], bool]()
    for start in machine.phases:
        life = await born()
        for status in way_to(machine, start):
            await go(owner, kind, life.job.id, status)
        for end in set(machine.phases) - {start}:
            undo = owner.transaction()
            await undo.start()
            try:
                await go(owner, kind, life.job.id, end)
                seen[start, end] = True
            except asyncpg.PostgresError as error:
                # refused for another reason: the edge is legal, and a rule of the row wants more than a status
                seen[start, end] = error.sqlstate != "MP001"
            await undo.rollback()

    assert {pair for pair, taken in seen.items() if taken} == {pair for pair in machine.pairs() if pair[0]}


async def test_nobody_is_born_but_in_the_first_status(born: Any, kind: Kind, owner: Any) -> None:
    life = await born()
    names = ", ".join(
        name for name in kind.table.types if name not in {"id", "status", "idempotency_key", "finished_at"}
    )
    for status in set(kind.machine.phases) - {kind.machine.queued}:
        ended = "now()" if kind.machine.terminal(status) else "NULL"
        with pytest.raises(asyncpg.PostgresError) as caught:
            await owner.execute(
                f"INSERT INTO {kind.table.name} (status, finished_at, {names})"
                f" SELECT '{status}', {ended}, {names} FROM {kind.table.name} WHERE id = $1",
                life.job.id,
            )
        # or a rule of the row, which is looked at before
        assert caught.value.sqlstate in {"MP001", "23514"}


async def test_a_version_may_not_jump(born: Any, kind: Kind, owner: Any) -> None:
    life = await born()

    with pytest.raises(asyncpg.PostgresError) as caught:
        await owner.execute(
            f"UPDATE {kind.table.name} SET status = $2, version = version + 2 WHERE id = $1",
            life.job.id, kind.machine.running,
        )  # fmt: skip

    assert caught.value.sqlstate == "MP002"
