"""What is read as a bell of ours, and when a bell is due to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from milepost.domain.bell import Bell
from milepost.queue import wire
from tests.queue.recording import KIND, bell

JOB = "0197a2b4-0000-7000-8000-000000000001"
IMPOSSIBLE = [0, -1, 2**31, 10**30]


def test_a_bell_is_read_back_as_it_was_rung() -> None:
    rung = bell(priority=-100)

    assert wire.parse(KIND, wire.arq_id(rung).encode()) == rung


@pytest.mark.parametrize("version", IMPOSSIBLE)
def test_a_version_that_no_job_can_have_makes_it_nobodys_bell(version: int) -> None:
    assert wire.parse(KIND, f"main:{JOB}:{version}:0".encode()) is None
    assert wire.read_body(KIND, wire.dump({"f": KIND, "a": ["main", JOB, str(version)]})) is None


@pytest.mark.parametrize("priority", [-101, 101, 10**30])
def test_a_priority_that_no_job_can_have_makes_it_nobodys_bell(priority: int) -> None:
    assert wire.parse(KIND, f"main:{JOB}:1:{priority}".encode()) is None


@pytest.mark.parametrize("version", [None, [], {}, "x", 1e300])
def test_a_version_that_is_no_number_makes_it_nobodys_bell(version: Any) -> None:
    assert wire.read_body(KIND, wire.dump({"f": KIND, "a": ["main", JOB, version]})) is None


def test_the_greatest_version_is_a_bell() -> None:
    assert wire.parse(KIND, f"main:{JOB}:{2**31 - 1}:100".encode()) == Bell("main", KIND, UUID(JOB), 2**31 - 1, 100)


@pytest.mark.parametrize(("microseconds", "expected"), [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2)])
def test_a_bell_is_never_due_before_its_job(microseconds: int, expected: int) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    assert wire.to_ms(moment + timedelta(microseconds=microseconds)) == int(moment.timestamp()) * 1000 + expected
