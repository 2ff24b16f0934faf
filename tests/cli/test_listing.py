"""`milepost jobs list`: the filters and orders that the API has, times as people say them, pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from milepost.cli.moments import moment
from tests.cli.running import Said

Milepost = Callable[..., Said]


@pytest.fixture
def jobs(milepost: Milepost) -> list[str]:
    """One that is done and one that is not, of a priority of their own."""
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    whens: Sequence[Sequence[str]] = (("--wait",), ("--scheduled-at", later))
    return [
        milepost("submit", "execution", "Listed.", "--priority", "42", "--json", *when).json["id"] for when in whens
    ]


def listed(milepost: Milepost, *filters: str) -> list[str]:
    said = milepost("jobs", "list", "--priority", "42", "--json", *filters)
    assert said.code == 0, said.err
    return [job["id"] for job in said.json["items"]]


def test_every_filter_and_order_of_the_api_is_an_option(milepost: Milepost, jobs: list[str]):
    done, waiting = jobs
    newest = listed(milepost, "--created-after", "1h")

    assert newest[:2] == [waiting, done]
    assert listed(milepost, "--sort-order", "asc") == listed(milepost)[::-1]
    assert listed(milepost, "--finished-after", "5min", "--limit", "1") == [done]
    assert listed(milepost, "--sort-by", "finished_at", "--limit", "1") == [done]
    assert listed(milepost, "--created-before", "1h") == listed(milepost, "--finished-before", "1d") == []
    assert listed(milepost, "--error-code", "NO_SUCH") == []
    assert listed(milepost, "--search", done[-8:]) == listed(milepost, "--search", done) == [done]
    user = milepost("jobs", "show", done, "--json").json["user_id"]
    assert listed(milepost, "--user-id", user) == listed(milepost)


@pytest.mark.parametrize("bad", [("--created-after", "yesterday"), ("--sort-by", "prompt"), ("--priority", "101")])
def test_a_filter_that_cannot_be_is_exit_code_2(milepost: Milepost, bad: tuple[str, str]):
    assert milepost("jobs", "list", *bad).code == 2


def test_the_next_page_is_named_with_times_as_they_were(milepost: Milepost, jobs: list[str]):
    first = milepost("jobs", "list", "--priority", "42", "--created-after", "1h", "--limit", "1").out
    options = first.splitlines()[-1].removeprefix("There are more:").split()

    following = milepost("jobs", "list", "--priority", "42", "--limit", "1", "--json", *options)

    assert [job["id"] for job in following.json["items"]] == [jobs[0]]


@pytest.mark.parametrize(("text", "seconds"), [("90min", 5400), ("2h", 7200), (" 7d ", 604_800), ("30s", 30)])
def test_a_time_may_be_so_long_ago(text: str, seconds: int):
    told = moment(text)

    assert told is not None
    away = (datetime.now(UTC) - datetime.fromisoformat(told)).total_seconds()
    assert seconds <= away < seconds + 60


@pytest.mark.parametrize("text", ["2026-01-31T08:00:00Z", "2 hours", "-2h", "h", "9999999d", "", None])
def test_any_other_time_is_left_as_it_is(text: str | None):
    assert moment(text) == text
