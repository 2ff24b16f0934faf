"""`milepost keys …`: API keys, made and revoked at the database itself."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from milepost.cli import exits
from milepost.cli.database import open_tenant
from milepost.cli.found import AsJson, DataDir, settings_of
from milepost.cli.output import ago, print_json, say, table
from milepost.cli.stack.prepare import OPERATOR
from milepost.db.tenants import TenantDatabase
from milepost.domain.api_key import ALLOWED, CHANCE_BYTES
from milepost.engine.api_keys import create_key, ensure_user, list_keys, revoke_key
from milepost.settings import Settings

T = TypeVar("T")

keys = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    scope: Annotated[list[str] | None, typer.Option(help="May be repeated. [default: all of the role]")] = None,
    email: Annotated[str, typer.Option(help="The user it speaks for; made if there is none.")] = OPERATOR,
    role: Annotated[str, typer.Option(help=f"Of a new user: {', '.join(ALLOWED)}.")] = "operator",
    days: Annotated[float | None, typer.Option(min=0, help="Expires after so many days. [default: never]")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key. It is shown this once."""
    if role not in ALLOWED:
        raise exits.Exit(exits.USAGE, f"There is no role {role}.", hint=f"Roles: {', '.join(ALLOWED)}.")
    settings = settings_of(data_dir)

    async def work(database: TenantDatabase) -> dict[str, Any]:
        user = await ensure_user(database, role=role, name=email.partition("@")[0].capitalize(), email=email)
        made, row = await create_key(
            database,
            user_id=user,
            name=name,
            scopes=scope or sorted(ALLOWED[role]),
            chance=os.urandom(CHANCE_BYTES),
            pepper=settings.api_key_pepper.get_secret_value().encode() if settings.api_key_pepper else None,
            actor=_actor(),
            expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
        )
        return {"key": made.text, **row}

    made = _at_database(settings, work)
    if as_json:
        print_json(made)
    else:
        say(made["key"])


@keys.command("list")
def list_(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List keys, newest first. The keys themselves are stored nowhere."""
    rows = _at_database(settings_of(data_dir), list_keys)
    if as_json:
        print_json(rows)
        return
    now = datetime.now(UTC)
    shown = ("id", "key", "name", "status", "scopes", "used", "expires")
    table(
        shown,
        (
            (
                row["id"],
                f"{row['key_prefix']}…",
                row["name"],
                row["status"],
                " ".join(row["scopes"]),
                ago(row["last_used_at"], now) or "never",
                ago(row["expires_at"], now),
            )
            for row in rows
        ),
    )


@keys.command()
def revoke(
    key_id: Annotated[UUID, typer.Argument(metavar="ID", help="As 'keys list' shows it.")],
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Revoke a key for good; it stops working within five seconds."""
    row = _at_database(settings_of(data_dir), lambda database: revoke_key(database, key_id, actor=_actor()))
    if row is None:
        raise exits.Exit(exits.NOT_FOUND, f"There is no key {key_id}.", hint="'milepost keys list' shows them.")
    if as_json:
        print_json(row)
    else:
        say(f"{row['key_prefix']}… ({row['name']}) is revoked.")


def _at_database(settings: Settings, work: Callable[[TenantDatabase], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_tenant(settings) as database:
            return await work(database)

    return asyncio.run(run())


def _actor() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container whose user has no name
        return "cli:unknown"
