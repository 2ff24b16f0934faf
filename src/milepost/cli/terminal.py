"""The terminal: the one place where rich and typer are set up, without what they make of other people's texts.

By default both read `[bold]` as markup and `:id:` as an emoji, colour what looks like a number, and break long lines.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Any, Literal

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TimeElapsedColumn,
)
from rich.text import Text

from milepost.domain.text import visible

__all__ = [
    "BarColumn",
    "MofNCompleteColumn",
    "Progress",
    "ProgressColumn",
    "SpinnerColumn",
    "Task",
    "Text",
    "TimeElapsedColumn",
]

PHASE_COLOURS = {
    "queued": "yellow",
    "running": "cyan",
    "paused": "magenta",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "bright_black",
}


def console(**options: Any) -> Console:
    """Writes texts as they are."""
    return Console(emoji=False, markup=False, highlight=False, soft_wrap=True, **options)


out = console()
err = console(stderr=True)


def write_anything() -> None:
    """What the terminal's encoding cannot write is written as its escape sequence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def group(told: str, **options: Any) -> typer.Typer:
    """A noun, whose verbs are commands. Its help is plain text: rich would swallow `[default: …]`."""
    return typer.Typer(help=told, no_args_is_help=True, rich_markup_mode=None, **options)


def styled(text: str, style: str = "") -> Text:
    """Foreign text fit for a line or a cell: nothing in it is obeyed."""
    return Text(visible(text), style)


def in_phase(phase: str, text: str | None = None) -> Text:
    """A word in the colour of a phase."""
    return styled(text or phase, PHASE_COLOURS.get(phase, "white"))


class Words(ProgressColumn):
    """A field of the task as it is, in the task's style."""

    def __init__(self, name: Literal["description", "percentage"] = "description", form: str = "{}") -> None:
        super().__init__()
        self._name = name
        self._form = form

    def render(self, task: Task) -> Text:
        return styled(self._form.format(getattr(task, self._name)), task.fields.get("style", ""))


def bars(*columns: ProgressColumn, on: Console | None = None, **options: Any) -> Progress:
    """Bars on a terminal; nothing elsewhere."""
    on = out if on is None else on
    return Progress(*columns, console=on, disable=not on.is_terminal, **options)


def counter() -> Progress:
    """A line on standard error that says how far something has come, and then goes away."""
    return bars(SpinnerColumn(), Words(), TimeElapsedColumn(), on=err, transient=True)
