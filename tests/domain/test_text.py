"""Foreign texts are shown and never obeyed; sentences end once."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some

from milepost.domain.errors import MilepostError
from milepost.domain.text import grouped, one_end, one_line, visible

# seen by people although Unicode counts them to the formats: signs before Arabic and Syriac numbers, and the like
SIGNS = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("invoice\u202egpj.exe", r"invoice\u202egpj.exe"),
        ("pay\u200bpal \ufeffx\u2060y\xadz", r"pay\u200bpal \ufeffx\u2060y\xadz"),
        ("a\u2066b\u2069 \u200e\u200f\u061c", r"a\u2066b\u2069 \u200e\u200f\u061c"),
        ("x\u200dy x\u200cy a\ufe0fb", r"x\u200dy x\u200cy a\ufe0fb"),
        ("hi\U000e0068\U000e0069\U000e007f", r"hi\U000e0068\U000e0069\U000e007f"),
        ("\x00\x07\x7f\x9b\u2028\u2029\r", r"\x00\x07\x7f\x9b\u2028\u2029\r"),
        ("\ufff9a\ufffb\u034f\u115f\u3164", r"\ufff9a\ufffb\u034f\u115f\u3164"),
    ],
)
def test_what_would_be_obeyed_or_seen_by_nobody_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown.replace("\\U000E", "\\U000e")


@pytest.mark.parametrize(
    "text",
    [
        "one\n\ttwo é ゴロゴン שלום مرحبا",
        "👩‍👩‍👧 ❤️ 👩🏽‍🚀 👩‍❤️‍👨 🏳️‍🌈 1️⃣ ©️ ☎︎",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می‌خواهم क्‍ष",
        "葛\U000e0100飾区",
        "\ufffd \u202f \xa0",
    ],
)
def test_what_writing_needs_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(some.text(alphabet=some.characters(codec=None, max_codepoint=0x7F)))
def test_of_ascii_nothing_but_lines_and_tabs_is_left_to_obey(text: str) -> None:
    assert all(c.isprintable() or c in "\n\t" for c in visible(text))


def test_between_letters_no_format_or_control_character_of_unicode_stands_raw() -> None:
    for code in range(0x110000):
        if (
            unicodedata.category(chr(code)) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
            and code not in SIGNS
            and chr(code) not in "\n\t"
        ):
            assert chr(code) not in visible(f"a{chr(code)}b"), hex(code)


def test_a_line_is_not_cut_inside_of_a_joined_sign() -> None:
    assert one_line("ab👩‍👩‍👧", 5) == "ab👩…"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The file is gone..", "The file is gone."),
        ("Is it?.", "Is it?"),
        ("Wait …. Then go.", "Wait … Then go."),
        ("It says 'no.'.", "It says 'no.'."),
        ("And so on...", "And so on..."),
        ("1.5 s. 2..3", "1.5 s. 2..3"),
    ],
)
def test_a_sentence_ends_once(text: str, said: str) -> None:
    assert one_end(text) == said


def test_an_error_made_of_another_ends_once() -> None:
    class Refused(MilepostError):
        message = "It is refused: {why}."

    assert str(Refused(why="The place is taken.")) == "It is refused: The place is taken."
    assert str(MilepostError("No..")) == "No."


def test_numbers_have_one_form() -> None:
    assert [grouped(number) for number in (0, 999, 5056, 1234567)] == ["0", "999", "5,056", "1,234,567"]
