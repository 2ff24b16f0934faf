"""A text stays as it was typed; only whole words are options, and only --long ones fields."""

from __future__ import annotations

import pytest

from milepost.cli.exits import USAGE, Exit
from milepost.cli.fields import described, fields_of
from milepost.cli.words import Words, take_apart
from milepost.domain.errors import UnknownKind
from milepost.kinds import all_kinds, find_kind

OPTIONS = {"--wait": False, "-w": False, "--help": False, "-h": False, "--file": True}


@pytest.mark.parametrize(
    "text",
    [
        "- now no one is",
        "- what is the weather?",
        "-5 degrees: how to wear",
        "-wh",
        "--foo bar",
        "-- now",
        "-",
        "---",
        "",
    ],
)
def test_a_text_that_only_begins_like_an_option_is_a_text(text: str):
    assert take_apart(["execution", text, "-w"], OPTIONS) == Words(("-w",), ("execution", text), ())


@pytest.mark.parametrize("text", ["--foo", "--wait", "-w", "-h", "--help", "--foo=bar", "--"])
def test_after_two_dashes_everything_is_a_text(text: str):
    assert take_apart(["execution", "--", text], OPTIONS) == Words((), ("execution", text), ())


def test_fields_and_options_stand_in_any_order_with_their_values():
    words = ["--max-tokens", "200", "execution", "--priority=-5", "--file", "--odd", "Why?", "--wait"]

    assert take_apart(words, OPTIONS) == Words(
        ("--file=--odd", "--wait"), ("execution", "Why?"), (("max_tokens", "200"), ("priority", "-5"))
    )


@pytest.mark.parametrize("words", [["execution", "-v"], ["execution", "--priority"], ["execution", "--file"]])
def test_an_option_that_is_none_and_one_without_its_value_are_no_text(words: list[str]):
    with pytest.raises(Exit) as refused:
        take_apart(words, OPTIONS)

    assert (refused.value.code, words[-1] in str(refused.value)) == (USAGE, True)


def test_values_are_json_unless_the_field_is_a_text_or_a_time():
    given = [("metadata", '{"a": 1}'), ("resources", '{"cpu": "500m"}'), ("is_permanent", "true"), ("model", "5"),
             ("scheduled_at", "2026-01-31T08:00:00Z")]  # fmt: skip

    assert fields_of(find_kind("execution"), given) == {
        "metadata": {"a": 1},
        "resources": {"cpu": "500m"},
        "is_permanent": True,
        "model": "5",
        "scheduled_at": "2026-01-31T08:00:00Z",
    }


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        ([("metadata", "{a: 1}")], "--metadata takes JSON, not {a: 1}"),
        ([("max_tokens", "many")], "--max-tokens takes NUMBER, not many"),
        ([("max_tokens", "1"), ("max_tokens", "2")], "--max-tokens is given twice"),
        ([("colour", "red")], "The kind executions has no field colour"),
    ],
)
def test_a_field_that_cannot_be_is_named(pairs: list[tuple[str, str]], told: str):
    with pytest.raises(Exit, match=told) as refused:
        fields_of(find_kind("execution"), pairs)

    assert refused.value.code == USAGE


# what is refused whatever it is, and what can be one thing alone
NOT_OFFERED = {"images": {"source_image_url", "format"}}


@pytest.mark.parametrize("name", [kind.path for kind in all_kinds()])
def test_every_field_of_a_kind_that_takes_something_is_described(name: str):
    kind = find_kind(name)
    told = " ".join(words for words, _ in described(kind))

    offered = {field for field in kind.request.model_fields if f"--{field.replace('_', '-')} " in told}
    assert set(kind.request.model_fields) - offered == NOT_OFFERED.get(name, set())


def test_a_misspelt_field_names_the_nearest_and_the_list():
    with pytest.raises(Exit) as refused:
        fields_of(find_kind("execution"), [("max_tokns", "1")])

    assert str(refused.value.hint).startswith("Did you mean --max-tokens? It has: ")


def test_a_misspelt_kind_names_the_known_ones_the_nearest_first():
    with pytest.raises(UnknownKind) as refused:
        find_kind("imges")

    assert refused.value.hint == "Known kinds: images, executions."
