"""What roles and scopes allow, as the help of a command tells it."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import Any

from typer.core import TyperCommand

from milepost.cli.output import say
from milepost.domain.scopes import ROLES, SCOPES, in_order

COLUMNS = 79


class CreateKeyCommand(TyperCommand):
    """Its help ends with what it gives away."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        _show("Roles of users", ((name, role.meaning, " ".join(in_order(role.scopes))) for name, role in ROLES.items()))
        _show("Scopes of keys, where the user's role has them", SCOPES.items())


def _show(title: str, rows: Iterable[tuple[str, ...]]) -> None:
    """What does not fit beside the name stands below it."""
    lines = list(rows)
    width = max(len(name) for name, *_ in lines)
    say(f" {title}:\n")
    for name, *told in lines:
        fitting = [line for text in told for line in wrap(text, COLUMNS - width - 5)]
        for index, line in enumerate(fitting):
            say(f"   {name if index == 0 else '':<{width}}  {line}")
    say()
