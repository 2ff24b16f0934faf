"""What was asked for and will not be done is told beside the job."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest

from milepost.client import Client
from tests.cli.running import Said, Up

CALLBACK = "https://hooks.example.com/x"
TOLD = "callback_url is kept, but nothing is sent to it yet"


def test_a_callback_that_nobody_makes_is_told_on_standard_error(milepost: Callable[..., Said]):
    said = milepost("submit", "execution", "Quietly.", "--callback-url", CALLBACK)
    as_json = milepost("submit", "execution", "Quietly.", "--callback-url", CALLBACK, "--json")
    shown = milepost("jobs", "show", as_json.json["id"])

    assert (said.code, said.out.count("\n")) == (0, 1)
    assert said.err.startswith(f"warning: {TOLD}")
    assert said.err.count("nothing is sent") == 1
    assert json.loads(as_json.out)["callback_url"] == CALLBACK
    assert TOLD in as_json.err
    assert "warnings" not in shown.out


async def test_the_client_carries_it_in_the_job_and_logs_it(stack: Up, caplog: pytest.LogCaptureFixture):
    async with Client.of_stack(stack.folder) as client:
        job = await client.submit("executions", prompt="Quietly.", callback_url=CALLBACK)
        plain = await client.submit("executions", prompt="Quietly.")
        await client.submit_many("executions", [{"prompt": "Quietly.", "callback_url": CALLBACK}])

    assert [warning.startswith(TOLD) for warning in job.warnings] == [True]
    assert plain.warnings == ()
    logged = [record.getMessage() for record in caplog.records if record.name == "milepost.client"]
    assert logged[0].startswith(TOLD)
    assert len(logged) == 2
    assert {record.levelno for record in caplog.records if record.name == "milepost.client"} == {logging.WARNING}
