"""Foreign texts: characters that are obeyed instead of shown, and a text as one line."""

from __future__ import annotations

# as the inside of a character class: control characters past ASCII, separators of lines, marks of direction
OBEYED = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"


def one_line(text: str, most: int) -> str:
    """With single blanks, cut to `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
