"""Keys are made whole or not at all, with the scopes of whom they speak for; what is wrong is told before it is tried."""

from __future__ import annotations

from typing import Any

import pytest

from milepost.domain.scopes import ALLOWED, ROLES, SCOPES, in_order
from tests.cli.running import Said, call
from tests.db_fixtures import Urls
from tests.docs.pages import ROOT


@pytest.fixture
def keys(urls: Urls, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """`milepost keys` at a database of its own."""
    monkeypatch.setenv("MILEPOST_DATABASE_URL", urls.app)
    return lambda *arguments: call("keys", *arguments, "--data-dir", str(tmp_path))


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "two\nlines", "\x1b[31mred", "\x00", "\udcff"])
def test_a_name_that_the_database_would_refuse_is_told_without_its_words(keys: Any, name: str):
    said: Said = keys("create", name, "--email", "half@example.com")

    assert said.code == 2
    assert "1 to 100 printable characters" in said.err
    assert "Error" not in said.err


@pytest.mark.parametrize("email", ["", "nobody", "a b@c", "a@b@c", "a\nb@c", "x" * 250 + "@example.com"])
def test_what_is_no_address_makes_no_user(keys: Any, email: str):
    said: Said = keys("create", "n", "--email", email)

    assert (said.code, said.out) == (2, "")
    assert "no e-mail address" in said.err


@pytest.mark.parametrize("days", ["inf", "nan", "1e12", "-1"])
def test_an_expiry_that_no_calendar_has_is_told(keys: Any, days: str):
    said: Said = keys("create", "n", f"--days={days}")

    assert said.code == 2
    assert "0 to 36,500" in said.err


def test_a_scope_that_there_is_not_is_told_with_those_that_there_are(keys: Any):
    said: Said = keys("create", "n", "--scope", "nope")

    assert said.code == 2
    assert "There is no scope nope" in said.err
    assert "job:read" in said.err


def test_a_key_without_scopes_has_those_of_its_users_own_role(keys: Any):
    first: Said = keys("create", "one", "--email", "cas@example.com", "--role", "caster", "--json")
    again: Said = keys("create", "two", "--email", "Cas@example.com", "--json")
    fresh: Said = keys("create", "three", "--email", "op@example.com", "--json")

    assert set(first.json["scopes"]) == set(again.json["scopes"]) == ALLOWED["caster"]
    assert first.json["user_id"] == again.json["user_id"]
    assert set(fresh.json["scopes"]) == ALLOWED["operator"]


def test_a_lesser_role_narrows_an_operators_key_and_a_greater_one_is_refused(keys: Any):
    keys("create", "one", "--email", "op@example.com")
    keys("create", "one", "--email", "cas@example.com", "--role", "caster")

    narrow: Said = keys("create", "two", "--email", "op@example.com", "--role", "caster", "--json")
    wide: Said = keys("create", "two", "--email", "cas@example.com", "--role", "operator")

    assert set(narrow.json["scopes"]) == ALLOWED["caster"]
    assert wide.code == 4
    assert "cannot have audit:read, ops:deploy" in wide.err


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_help_explains_every_role_and_scope(keys: Any):
    said = words(keys("create", "--help").out)

    for name, role in ROLES.items():
        assert f"{name} {role.meaning} {' '.join(in_order(role.scopes))}" in said
    for scope, meaning in SCOPES.items():
        assert f"{scope} {meaning}" in said


def test_the_help_is_no_wider_than_a_terminal(keys: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")

    assert max(map(len, keys("create", "--help").out.splitlines())) <= 80


def test_the_page_about_security_explains_every_role_and_scope():
    page = (ROOT / "docs" / "security.md").read_text()

    for name, role in ROLES.items():
        assert f"| `{name}` | {role.meaning} |" in page
    for scope, meaning in SCOPES.items():
        may = ["yes" if scope in role.scopes else "" for role in ROLES.values()]
        assert f"| `{scope}` | {meaning} | {' | '.join(may)} |" in page
