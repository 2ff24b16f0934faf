"""Waiting for a job: what is told meanwhile, once, and what Ctrl-C leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.cli.running import Said, Up, on_terminal

Milepost = Callable[..., Said]


def later() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def test_a_pipe_gets_the_history_once(milepost: Milepost):
    said = milepost("submit", "execution", "Once is enough.", "--wait")

    assert [said.out.count(word) for word in ("→ PENDING", "→ RUNNING", "→ COMPLETED")] == [1, 1, 1], said.out
    assert "Timeline" not in said.out


def test_ctrl_c_says_that_the_job_goes_on_and_how_to_follow_it(stack: Up, milepost: Milepost):
    where = ("--data-dir", str(stack.folder))
    submit = ("submit", "execution", "Not yet.", "--scheduled-at", later(), "--wait", *where)

    said = on_terminal(*submit, press={"created": b"\x03"})

    job = said.out.split()[0]
    follow = f"milepost jobs watch {job[-8:]} --data-dir {stack.folder}"
    assert said.code == 130
    assert "goes on" in said.out
    assert follow in said.out
    assert milepost("jobs", "show", job, "--json").json["status"] == "PENDING"
    watched = on_terminal(*follow.split()[1:], press={"created": b"\x03"})
    assert watched.code == 130
    assert follow in watched.out


def test_a_wait_that_is_over_says_how_to_go_on(milepost: Milepost):
    said = milepost("submit", "execution", "Not yet.", "--scheduled-at", later(), "--wait", "--wait-timeout", "0.2")

    assert said.code == 1
    assert f"'milepost jobs watch {said.out.split()[0][-8:]}' follows it" in said.err


def test_what_is_no_text_is_shown_as_json(milepost: Milepost):
    job = milepost("submit", "execution", "With facts.", "--metadata", '{"a": [true, null, "é"]}', "--json").json

    assert '{"a": [true, null, "é"]}' in milepost("jobs", "show", job["id"]).out


def test_long_json_gets_lines_of_its_own(milepost: Milepost):
    many = '{"' + '": 1, "'.join(f"name_{number}" for number in range(20)) + '": null}'
    job = milepost("submit", "execution", "With many facts.", "--metadata", many, "--json").json

    shown = milepost("jobs", "show", job["id"]).out

    assert '  metadata\n    {\n      "name_' in shown
    assert "None" not in shown
