"""Names and what is told of them, as a help page lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from milepost.cli.terminal import out

NARROWEST = 24


def listed(title: str, rows: Iterable[tuple[str, ...]]) -> str:
    """A heading, and a line per name; each text begins beside the name or below the text before, and wraps there."""
    return "\n".join(["", f"{title}:", *_lines(list(rows)), ""])


def _lines(rows: list[tuple[str, ...]]) -> Iterator[str]:
    width = max(len(name) for name, *texts in rows if any(texts))
    for name, *texts in rows:
        fitting = [line for text in texts for line in wrap(text, max(NARROWEST, out.width - width - 5))] or [""]
        for index, line in enumerate(fitting):
            yield f"  {name if index == 0 else '':<{width}}  {line}".rstrip()
