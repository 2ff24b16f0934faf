"""What others wrote is shown on our terminal, and never obeyed by it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from typing import Any

import pytest

from milepost.cli import job_views, output, tables, watching
from milepost.cli import terminal as terminals
from milepost.cli.output import complain, say
from milepost.cli.tables import table
from milepost.client import Event, Job, Page
from milepost.client.records import read_job
from tests.cli.running import Said
from tests.client.test_transport import JOB

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
FOREIGN = "a\x1b[31mb\x9b31mc\x07\u202ed\udcff\u2028e\u061cf"
SHOWN = r"a\x1b[31mb\x9b31mc\x07\u202ed\udcff\u2028e\u061cf"
OBEYED = set("\x1b\x9b\x07\r\u202e\u2028\udcff\u061c")


def printed(write: Callable[..., None], *arguments: Any) -> str:
    stream = io.StringIO()
    with redirect_stdout(stream), redirect_stderr(stream):
        write(*arguments)
    return stream.getvalue()


def job_with(**fields: Any) -> Job:
    return read_job({**JOB, "prompt": FOREIGN, **fields})


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The same, as if somebody looked."""
    stream = io.StringIO()
    console = terminals.console(file=stream, force_terminal=True, color_system=None, width=200)
    for module in (terminals, output, tables, job_views, watching):
        monkeypatch.setattr(module, "out", console)
    return stream


@pytest.mark.parametrize("write", [say, complain, lambda text: table(("what",), [(text,)], flexible="what")])
def test_foreign_control_characters_are_shown_and_not_obeyed(write: Callable[[str], None]):
    text = printed(write, FOREIGN.replace("\u2028", ""))

    assert SHOWN.replace(r"\u2028", "") in text
    assert not OBEYED & set(text)


def test_lines_tabs_and_every_script_stay_as_they_are():
    text = "one\n\ttwo [bold] ゴロゴン é 🎉 \\x1b"

    assert printed(say, text) == f"{text}\n"


def test_a_job_is_shown_without_what_its_prompt_says_to_the_terminal(terminal: io.StringIO):
    job_views.show_job(job_with(output=FOREIGN))
    job_views.show_list(Page(items=(job_with(),)), NOW)

    assert r"\x1b[31m" in terminal.getvalue()
    assert not (OBEYED - {"\x1b"}) & set(terminal.getvalue())
    assert "\x1b[31m" not in terminal.getvalue()


def test_a_reason_on_the_bar_is_no_markup(terminal: io.StringIO):
    data = {"version": 2, "phase": "failed", "from_status": "RUNNING", "to_status": "FAILED", "actor": "x",
            "job_kind": "execution", "job_id": JOB["id"], "attempt": 1, "transitioned_at": NOW}  # fmt: skip
    with watching._told(quiet=False) as tell:  # pyright: ignore[reportPrivateUsage]
        tell(Event(name="transition", id="7", data={**data, "reason": f"[/no] {FOREIGN}"}))
        tell(Event(name="progress", data={"progress": 5, "stage": "[/no]"}))

    assert r"[/no] a\x1b[31mb" in terminal.getvalue()


@pytest.mark.parametrize("kind", ["execution", "image_task"])
def test_long_texts_are_shown_once_and_below_the_table(kind: str):
    shown = printed(
        job_views.show_job, read_job({**JOB, "kind": kind, "prompt": "Line one.\nLine two.", "priority": 7})
    )

    assert shown.count("Line one.") == 1
    assert shown.index("priority") < shown.index("prompt:\nLine one.\nLine two.")


def test_a_record_is_shown_without_what_every_job_has_and_a_list_in_words_that_all_kinds_share():
    noise = {"priority": 0, "is_permanent": False, "usage_estimated": False, "pod_name": "vm-1", "max_attempts": 3}
    job = read_job({**JOB, "kind": "execution", "phase": "succeeded", "status": "COMPLETED", **noise, "tokens_used": 7})

    record, listed = printed(job_views.show_job, job), printed(job_views.show_list, Page(items=(job,)), NOW)

    assert [name for name in noise if name in record] == []
    assert "tokens_used" in record
    assert "COMPLETED" in record
    assert "succeeded" in listed
    assert "COMPLETED" not in listed


def test_a_prompt_of_somebody_else_says_nothing_to_the_terminal(milepost: Callable[..., Said]):
    job = milepost("submit", "execution", "red \x1b[31m and \x9b31m", "--json").json
    answers: Sequence[Said] = [milepost("jobs", "list"), milepost("jobs", "show", job["id"])]

    assert all(r"red \x1b[31m and \x9b31m" in said.out for said in answers)
    assert not any(OBEYED & set(said.out) for said in answers)
