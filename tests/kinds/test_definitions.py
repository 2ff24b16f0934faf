"""What every kind must be: named alike everywhere, complete, known to API, command line and worker."""

from __future__ import annotations

import inspect
import re
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from milepost.cli.submit import fields_of
from milepost.db.job_table import TRACKED
from milepost.db.locations import history
from milepost.domain.job import Job
from milepost.domain.machine import By, Phase, StateMachine
from milepost.engine.kind import Kind
from milepost.kinds import all_kinds, find_kind
from milepost.kinds.requests import CreateJob
from milepost.wiring import handler_module
from tests.kinds.conftest import sample


def test_no_two_kinds_share_a_name() -> None:
    kinds = all_kinds()
    names = [*(kind.name for kind in kinds), *(kind.path for kind in kinds), *(kind.table.name for kind in kinds)]

    assert kinds
    assert len(set(names)) >= 2 * len(kinds)


def test_its_names_are_plain_words(kind: Kind) -> None:
    for name in (kind.name, kind.path, kind.table.name):
        assert re.fullmatch(r"[a-z][a-z0-9_]{1,40}", name)
    assert find_kind(kind.name) is find_kind(kind.path) is kind


def test_its_table_has_what_every_job_has(kind: Kind) -> None:
    assert set(kind.table.types) >= TRACKED
    places = {place.partition(".")[0] for place in (*kind.titles, *kind.searched)}
    assert {"user_id", *places, *kind.preview} <= set(kind.table.types)


def test_its_request_refuses_what_it_does_not_know(kind: Kind) -> None:
    assert issubclass(kind.request, CreateJob)
    with pytest.raises(ValidationError) as caught:
        kind.request.model_validate({**sample(kind), "no_such_field": 1})
    assert caught.value.errors()[0]["type"] == "extra_forbidden"


def test_its_required_fields_have_examples_that_hold(kind: Kind) -> None:
    without = [name for name, field in kind.request.model_fields.items() if field.is_required() and not field.examples]

    assert without == []
    assert kind.request.model_validate(sample(kind)).timeout_seconds > 0


def test_its_columns_come_from_the_request(kind: Kind) -> None:
    from uuid_utils.compat import uuid7

    written = kind.columns(kind.request.model_validate(sample(kind)), uuid7())

    assert set(written) <= set(kind.table.own_columns)
    assert kind.derived <= set(written)


def test_its_title_is_a_text_of_its_request(kind: Kind) -> None:
    request = kind.request.model_validate(sample(kind))

    title = kind.title(row_of(kind, request))

    assert title in str(request.model_dump())


@pytest.mark.parametrize(
    ("text", "title"), [("  two\n\tlines ", "two lines"), ("x" * 9000, "x" * 199 + "…"), ("\n ", None), (7, None)]
)
def test_its_title_is_one_short_line_whatever_the_text(kind: Kind, text: Any, title: str | None) -> None:
    column, _, member = (kind.titles or kind.searched)[0].partition(".")
    row = {**dict.fromkeys(kind.table.types), "id": UUID(int=0xABCDEF12), column: {member: text} if member else text}

    assert kind.title(Job(kind.name, row)) == (title or f"{kind.name} …abcdef12")


def row_of(kind: Kind, request: Any) -> Job:
    """The job as a new row would hold it."""
    written = kind.columns(request, UUID(int=1))
    return Job(kind.name, {**dict.fromkeys(kind.table.types), **written, "id": UUID(int=1)})


def test_every_status_can_be_reached_and_every_open_one_left(kind: Kind) -> None:
    machine = kind.machine
    reached, frontier = {machine.queued}, [machine.queued]
    while frontier:
        here = frontier.pop()
        ahead = {end for start, end in machine.pairs() if start == here} - reached
        reached |= ahead
        frontier += ahead

    assert reached == set(machine.phases)
    for status in machine.phases:
        assert _ends(machine, status), f"nothing ends a job in {status}"


def _ends(machine: StateMachine, status: str) -> bool:
    """Whether time alone ends a job there: an end itself, or an edge that maintenance takes."""
    return machine.terminal(status) or any(
        edge.from_status == status and edge.by is By.MAINTENANCE and machine.terminal(edge.to_status)
        for edge in machine.edges
    )


def test_success_leads_nowhere(kind: Kind) -> None:
    succeeded = kind.machine.statuses(Phase.SUCCEEDED)

    assert succeeded
    assert not [pair for pair in kind.machine.pairs() if pair[0] in succeeded]


def test_a_worker_finds_its_handler(kind: Kind) -> None:
    run = handler_module(kind).run

    assert inspect.iscoroutinefunction(run)
    assert len(inspect.signature(run).parameters) == 2


def test_the_command_line_knows_its_fields(kind: Kind) -> None:
    assert fields_of(kind, [("priority", "5"), ("timeout_seconds", "30")]) == {"priority": 5, "timeout_seconds": 30}


def test_exactly_one_migration_brings_its_table(kind: Kind) -> None:
    made = re.compile(rf"CREATE TABLE {kind.table.name} \(")
    files = [file for file in (history("tenant") / "versions").glob("*.py") if made.search(file.read_text())]

    assert len(files) == 1


async def test_the_database_has_its_columns_and_edges(kind: Kind, owner: Any) -> None:
    columns = await owner.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
        kind.table.name,
    )
    edges = await owner.fetch("SELECT from_status, to_status FROM legal_transitions WHERE job_kind = $1", kind.name)

    assert {row[0] for row in columns} == set(kind.table.types)
    assert {(row[0], row[1]) for row in edges} == kind.machine.pairs()
