"""Who sees and controls whose jobs."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from milepost.domain.job import Job
from milepost.domain.rights import Rights

ME, OTHER = UUID(int=1), UUID(int=2)


@dataclass(frozen=True)
class Somebody(Rights):
    user_id: UUID
    scopes: frozenset[str]


def somebody(*scopes: str) -> Somebody:
    return Somebody(ME, frozenset(scopes))


def job_of(user_id: UUID | None) -> Job:
    return Job("execution", {"user_id": user_id})


@pytest.mark.parametrize(
    ("scopes", "own", "others"),
    [
        ((), True, False),
        (("job:read", "job:submit"), True, False),
        (("audit:read",), True, True),
        (("ops:deploy",), True, True),
    ],
)
def test_only_auditors_and_operators_see_what_is_not_theirs(
    scopes: tuple[str, ...], *, own: bool, others: bool
) -> None:
    viewer = somebody(*scopes)

    assert (viewer.sees(ME), viewer.sees(OTHER), viewer.sees(None)) == (own, others, others)
    assert viewer.owner == (None if others else ME)


@pytest.mark.parametrize(
    ("scopes", "own", "others"),
    [
        ((), False, False),
        (("job:submit",), True, False),
        (("image:generate",), False, False),
        (("job:submit", "audit:read"), True, False),
        (("ops:deploy",), True, True),
    ],
)
def test_an_owner_needs_the_scope_of_the_kind_and_anybody_else_must_be_an_operator(
    scopes: tuple[str, ...], *, own: bool, others: bool
) -> None:
    actor = somebody(*scopes)

    assert (actor.controls(job_of(ME), "job:submit"), actor.controls(job_of(OTHER), "job:submit")) == (own, others)
    assert actor.controls(job_of(None), "job:submit") == others
