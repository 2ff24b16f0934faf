"""What roles and scopes allow, as the help of a command tells it."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from milepost.cli.lists import listed
from milepost.domain.scopes import ROLES, SCOPES, in_order


class CreateKeyCommand(TyperCommand):
    """Its help ends with what it gives away."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        super().format_help(ctx, formatter)
        roles = ((name, role.meaning, " ".join(in_order(role.scopes))) for name, role in ROLES.items())
        formatter.write(listed("Roles of users", roles))
        formatter.write(listed("Scopes of keys, where the user's role has them", SCOPES.items()))
