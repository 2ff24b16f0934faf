"""Rows under headings: on a terminal as wide as that, in a pipe whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from milepost.cli.output import say
from milepost.cli.terminal import Text, out, styled

GAP = Text("  ")
NARROWEST = 12

NO_LIMITS: Mapping[str, int] = {}

Cell = str | Text | None


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    flexible: str,
    wraps: bool = False,
    widest: Mapping[str, int] = NO_LIMITS,
) -> None:
    """`flexible`: the column that gets what the others leave of a terminal's line; it is cut there, or wraps.

    `widest`: where a terminal cuts other columns. A cell that is Text may have several lines.
    """
    head = [Text(name, "bold") for name in columns]
    lines = [head, *([_text(cell) for cell in row] for row in rows)]
    widths = [max(_width(line[index]) for line in lines) for index in range(len(head))]
    place = list(columns).index(flexible)
    if out.is_terminal:
        widths = [min(width, widest.get(name, width)) for name, width in zip(columns, widths, strict=True)]
        left = out.width - sum(widths) + widths[place] - GAP.cell_len * (len(widths) - 1)
        widths[place] = min(widths[place], max(left, NARROWEST))
    if len(lines) == 1 and out.is_terminal:
        say("None.")
        return
    for line in lines:
        _print([_fitted(cell, width, wraps=wraps) for cell, width in zip(line, widths, strict=True)], widths)


def _text(cell: Cell) -> Text:
    return cell if isinstance(cell, Text) else styled(" ".join((cell or "").replace("\t", " ").splitlines()))


def _width(cell: Text) -> int:
    return max(line.cell_len for line in cell.split(allow_blank=True))


def _fitted(cell: Text, width: int, *, wraps: bool) -> Sequence[Text]:
    lines = cell.split(allow_blank=True)
    if wraps and out.is_terminal:
        return [part for line in lines for part in (line.wrap(out, width, overflow="fold") or [line])]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return list(lines)


def _print(cells: Sequence[Sequence[Text]], widths: Sequence[int]) -> None:
    for parts in zip_longest(*cells):
        padded = [_padded(part or Text(), width) for part, width in zip(parts, widths, strict=True)]
        line = GAP.join(padded)
        line.rstrip()
        if out.is_terminal:
            out.print(line)
        else:
            say(line.plain)


def _padded(text: Text, width: int) -> Text:
    text.pad_right(max(width - text.cell_len, 0))
    return text
