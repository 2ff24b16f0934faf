"""Broken on purpose, the engine is caught by the model: a check that never failed would prove nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from milepost.db import statements
from milepost.domain import decide
from milepost.domain.machine import Guard
from milepost.engine import submit
from milepost.storage import Store
from tests.faults.breakages.patching import Gone
from tests.model.house import House
from tests.model.lives import play
from tests.model.profiles import BROKEN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
Used = Callable[[], None]
Break = Callable[[pytest.MonkeyPatch, Used], None]


def without(name: str, condition: str, instead: str = "true") -> Break:
    """A statement of the ledger that has lost one of its conditions."""

    def apply(patch: pytest.MonkeyPatch, used: Used) -> None:
        whole: Any = getattr(statements, name)

        def statement(*args: Any, **shape: Any) -> str:
            text: str = whole(*args, **shape)
            if condition not in text:
                raise Gone(f"{name} has no {condition!r}")
            used()
            return text.replace(condition, instead)

        patch.setattr(statements, name, statement)

    return apply


def a_cancel_is_forgotten(patch: pytest.MonkeyPatch, used: Used) -> None:
    whole = statements.guard

    def guard(table: Any, which: Guard) -> str:
        if which is not Guard.NO_CANCEL:
            return whole(table, which)
        used()
        return "true"

    patch.setattr(statements, "guard", guard)
    statements.move.cache_clear()


def any_request_is_the_same(patch: pytest.MonkeyPatch, used: Used) -> None:
    patch.setattr(submit, "_check_same", lambda *_: used())


def attempts_never_end(patch: pytest.MonkeyPatch, used: Used) -> None:
    lost = decide.after_lost_lease

    def after(machine: Any, job: Any, **more: Any) -> Any:
        wanted = lost(machine, job, **more)
        if wanted.edge.reason == "lease_expired":
            used()
            return wanted._replace(attempt_step=-1)
        return wanted

    patch.setattr(decide, "after_lost_lease", after)


@dataclass(frozen=True, slots=True)
class Control:
    """`law`: what the model must say of it."""

    apply: Break
    law: str


def differs(column: str) -> str:
    return rf"'{column}': (?P<found>[^,}}]+).*the model says .*'{column}': (?!(?P=found)[,}}])"


HELD = "j.version = m.version AND j.lease_owner = $3"
# a parameter that nothing names would make the statement fail, which is another breakage
HELD_BY_ANYBODY = "j.lease_owner IS NOT NULL AND $3::text <> ''"
CONTROLS = {
    "a move does not look at the version": Control(
        without("move", "j.version = m.version"), "a late result is counted as rejected"
    ),
    "a claim does not look at the version": Control(without("claim", "j.version = m.version"), "workers got the job"),
    "a note does not look at the holder": Control(
        without("note", HELD, HELD_BY_ANYBODY), "who lost the job is told when it writes"
    ),
    "a job is claimed before it is due": Control(without("claim", "j.scheduled_at <= now()"), "workers got the job"),
    "a cancel request does not stop a retry": Control(a_cancel_is_forgotten, differs("status")),
    "a key answers any request": Control(any_request_is_the_same, "a key stands for one request"),
    "a lost attempt is not counted": Control(attempts_never_end, differs("attempt")),
}


@pytest.fixture(autouse=True)
def whole_again() -> Any:
    yield
    statements.move.cache_clear()


@pytest.mark.parametrize("what", CONTROLS)
def test_what_is_broken_is_found(house: House, store: Store, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    control, uses = CONTROLS[what], list[str]()
    control.apply(monkeypatch, lambda: uses.append(what))

    with pytest.raises(AssertionError, match=control.law):
        play(house, store, set(), BROKEN)

    assert uses
