"""Texts for people: foreign ones, whose characters are shown instead of obeyed; numbers; sentences with one end."""

from __future__ import annotations

import re

# as the inside of a character class: control characters past ASCII, separators of lines, marks of direction
OBEYED = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
# what nobody sees and what cannot be written at all; lines and tabs are a text's own
UNSEEN = (
    rf"\x00-\x08\x0b-\x1f{OBEYED}\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\ufdd0-\ufdef\U00013430-\U0001343f"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# … but for what writing needs: joiners inside emoji and between letters of scripts that join, selectors of a glyph after
# what has several, the letters of a flag
_EMOJI = r"\xa9\xae\u203c-\u205e\u2070-\u2bff\u3000-\u303f\u3200-\u33ff\U0001f000-\U0001faff"
_IDEOGRAPHS = r"\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_JOINING = r"\u0600-\u085f\u08a0-\u0dff\u0f00-\u109f\u1780-\u18af\ufb50-\ufdcf\ufe70-\ufefc"
_NEEDED = "|".join(
    (
        rf"(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))\u200d(?=[{_EMOJI}])",
        rf"(?<=[{_JOINING}])[\u200c\u200d](?=[{_JOINING}])",
        rf"(?<=[{_EMOJI}{_IDEOGRAPHS}])[\ufe00-\ufe0f]",
        rf"(?<=[{_IDEOGRAPHS}])[\U000e0100-\U000e01ef]",
        r"(?<=[0-9#*])\ufe0f(?=\u20e3)",
        r"(?<=[\u1820-\u18aa])[\u180b-\u180f]",
        r"(?<=[\U00013000-\U00013455])[\U00013430-\U0001343f]",
        r"(?<=\U0001f3f4)[\U000e0030-\U000e007a]{2,7}\U000e007f",
    )
)
_HIDDEN = re.compile(rf"({_NEEDED})|[{UNSEEN}]")
_TWO_ENDS = re.compile(r"(?<![.])([.!?…])\.(?=\s|$)")


def visible(text: str) -> str:
    """Foreign text fit to be shown: what would be obeyed, or seen by nobody, stands there as its escape sequence."""
    return _HIDDEN.sub(lambda found: found[1] or found[0].encode("unicode_escape").decode(), text)


def one_line(text: str, most: int) -> str:
    """With single blanks, cut to `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip(" \u200c\u200d\ufe0f") + "…"


def grouped(number: int) -> str:
    """The one way in which people are told a number."""
    return f"{number:,}"


def one_end(text: str) -> str:
    """Without the full stop that a sentence got after a part that had an end of its own."""
    return _TWO_ENDS.sub(r"\1", text)


def storable(text: str, longest: int) -> str:
    """The text as a column takes it: cut, and a mark in the place of NUL and lone surrogates."""
    return text[:longest].replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
