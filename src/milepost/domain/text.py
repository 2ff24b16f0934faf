"""Characters of foreign texts that a terminal or a page obeys instead of showing them."""

from __future__ import annotations

# as the inside of a character class: control characters past ASCII, separators of lines, marks of direction
OBEYED = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
