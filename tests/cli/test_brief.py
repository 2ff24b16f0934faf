"""A key that may submit and not read: commands say what they are told, and make nothing up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from milepost.client import Client
from tests.cli.running import Said, Up

Milepost = Callable[..., Said]


@pytest.fixture
def writer(milepost: Milepost, monkeypatch: pytest.MonkeyPatch) -> str:
    key = milepost("keys", "create", "writer", "--scope", "job:submit").out.strip()
    monkeypatch.setenv("MILEPOST_API_KEY", key)
    return key


def test_submit_cancel_and_retry_tell_what_the_key_may_know(milepost: Milepost, writer: str):
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    made = milepost("submit", "execution", "Quietly.", "--scheduled-at", later, "--json")
    stopped = milepost("jobs", "cancel", made.json["id"])
    again = milepost("jobs", "retry", made.json["id"], "--json")
    unread = milepost("jobs", "show", made.json["id"])

    assert made.json == {"id": made.json["id"], "kind": "execution", "status": "PENDING", "version": 1}
    assert "is CANCELLED, version 2" in stopped.out
    assert again.json == {**made.json, "version": 3}
    assert unread.code == 4
    assert "job:read" in unread.err


async def test_the_client_says_that_it_was_told_the_least(stack: Up, writer: str):
    async with Client(stack.note["api_url"], writer) as client:
        job = await client.submit("executions", prompt="Quietly.")

    assert (job.brief, job.phase, job.kind, job.version) == (True, "", "execution", 1)
