"""Broken on purpose, the engine is caught by the model: a check that never failed would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from milepost.db import statements
from milepost.domain import decide
from milepost.engine import submit
from milepost.storage import Store
from tests.model.house import House
from tests.model.lives import play
from tests.model.profiles import BROKEN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
Break = Callable[[pytest.MonkeyPatch], None]


def without(name: str, condition: str) -> Break:
    """A statement of the ledger that has lost one of its conditions."""
    whole: Any = getattr(statements, name)

    def statement(*args: Any, **shape: Any) -> str:
        text: str = whole(*args, **shape)
        if condition not in text:
            return text
        return text.replace(condition, "true")

    return lambda patch: patch.setattr(statements, name, statement)


def a_cancel_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(statements.GUARDS, statements.Guard.NO_CANCEL, "true")
    statements.move.cache_clear()


def any_request_is_the_same(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(submit, "_check_same", lambda *_: None)


def attempts_never_end(patch: pytest.MonkeyPatch) -> None:
    lost = decide.after_lost_lease

    def after(machine: Any, job: Any, **more: Any) -> Any:
        wanted = lost(machine, job, **more)
        if wanted.edge.reason == "lease_expired":
            return wanted._replace(attempt_step=-1)
        return wanted

    patch.setattr(decide, "after_lost_lease", after)


BREAKS = {
    "a move does not look at the version": without("move", "j.version = m.version"),
    "a claim does not look at the version": without("claim", "j.version = m.version"),
    "a note does not look at the holder": without("note", "j.version = m.version AND j.lease_owner = $3"),
    "a job is claimed before it is due": without("claim", "j.scheduled_at <= now()"),
    "a cancel request does not stop a retry": a_cancel_is_forgotten,
    "a key answers any request": any_request_is_the_same,
    "a lost attempt is not counted": attempts_never_end,
}


@pytest.fixture(autouse=True)
def whole_again() -> Any:
    yield
    statements.move.cache_clear()


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_broken_is_found(house: House, store: Store, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    BREAKS[what](monkeypatch)

    with pytest.raises(AssertionError):
        play(house, store, set(), BROKEN)
