"""What errors say to people."""

from __future__ import annotations

from milepost.domain.errors import IllegalTransition, ScopesRefused


def test_what_is_named_in_an_error_needs_no_article() -> None:
    told = str(IllegalTransition(kind="execution", status="COMPLETED", wanted="RUNNING"))
    assert told == "In status COMPLETED this execution cannot become RUNNING."
    assert str(ScopesRefused(role="operator", scopes="x")) == "A key of the role operator cannot have x."
