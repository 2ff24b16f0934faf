"""What `milepost submit` makes of its words, on a real stack."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import Said, Up, call

Milepost = Callable[..., Said]


@pytest.mark.parametrize("text", ["- now no one is", "- what is the weather?", "-5 degrees: how to wear", "--foo bar"])
def test_a_text_that_begins_with_a_dash_arrives_as_it_is(milepost: Milepost, text: str):
    assert milepost("submit", "execution", text, "--json").json["prompt"] == text


def test_a_text_like_an_option_stands_after_two_dashes(stack: Up):
    said = call("submit", "execution", "--data-dir", str(stack.folder), "--json", "--", "--wait")

    assert said.json["prompt"] == "--wait"


def test_metadata_is_given_as_json(milepost: Milepost):
    job = milepost("submit", "execution", "Tagged.", "--metadata", '{"a": 1}', "--priority=-5", "--json").json

    assert (job["metadata"], job["priority"]) == ({"a": 1}, -5)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("x", "--prompt", "y"), "The text is given twice"),
        (("x", "--max-tokens", "1", "--max-tokens", "2"), "--max-tokens is given twice"),
        (("x", "--metadata", "{a: 1}"), "--metadata takes JSON"),
        (("x", "--idempotency-key", ""), "an idempotency key is"),
        (("x", "--idempotency-key", "a\nb"), "an idempotency key is"),
        (("--file", "/no/such/file"), "No such file"),
        (("\udcff",), "bytes that are no characters"),
        (("x", "--model", "\udcff"), "bytes that are no characters"),
    ],
)
def test_what_cannot_be_submitted_is_told_in_one_line(milepost: Milepost, words: tuple[str, ...], told: str):
    said = milepost("submit", "execution", *words)

    assert said.code == 2
    assert told in said.err.splitlines()[0]
    assert "Error" not in said.err


def test_what_is_no_text_is_said_to_be_none(milepost: Milepost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "latin.txt"
    file.write_bytes(b"caf\xe9")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9"), encoding="utf-8"))

    from_file, from_input = milepost("submit", "execution", "--file", str(file)), milepost("submit", "execution", "-")

    assert (from_file.code, from_input.code) == (2, 2)
    assert "latin.txt is no UTF-8" in from_file.err
    assert "Standard input is no UTF-8" in from_input.err


@pytest.mark.parametrize("words", [("image", "--help"), ("--help", "images"), ("image_task", "-h")])
def test_the_help_of_a_kind_shows_its_fields(words: tuple[str, ...]):
    said = call("submit", *words)

    assert said.code == 0
    assert "--background-color TEXT" in said.out
    assert "one of auto, spiky, round, upright" in said.out
    assert "--max-tokens TEXT" not in said.out


def test_the_help_of_no_kind_names_those_there_are():
    said = call("submit", "nothing", "--help")

    assert (said.code, said.out) == (2, "")
    assert "executions, images" in said.err
