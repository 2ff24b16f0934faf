"""`milepost keys …`: API keys, made and revoked at the database itself."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from milepost.cli import exits
from milepost.cli.database import open_tenant
from milepost.cli.found import AsJson, DataDir, settings_of
from milepost.cli.named import ambiguous
from milepost.cli.output import ago, print_json, say
from milepost.cli.rights import CreateKeyCommand
from milepost.cli.stack.prepare import OPERATOR
from milepost.cli.tables import table
from milepost.cli.terminal import group, out, styled
from milepost.db.tenants import TenantDatabase
from milepost.domain.api_key import CHANCE_BYTES
from milepost.domain.errors import ScopesRefused, UserNotFound
from milepost.domain.ids import read_short, short_id
from milepost.domain.scopes import ALLOWED, SCOPES
from milepost.engine.api_keys import NEW_ROLE, create_key_by_email, keys_ending, list_keys, revoke_key
from milepost.settings import Settings

T = TypeVar("T")

LONGEST_NAME, LONGEST_ADDRESS, MOST_DAYS = 100, 254, 36_500
EXPLAINED = "'milepost keys create --help' explains them."
ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")

keys = group("API keys: create, list, revoke.")


def register(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys")


@keys.command(cls=CreateKeyCommand)
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    scope: Annotated[list[str] | None, typer.Option(help="May be repeated. [default: all of the role]")] = None,
    email: Annotated[str, typer.Option(help="The user it speaks for; made if there is none.")] = OPERATOR,
    role: Annotated[
        str | None,
        typer.Option(help=f"Of a new user: {', '.join(ALLOWED)}. [default: {NEW_ROLE}, or what the user is]"),
    ] = None,
    days: Annotated[float | None, typer.Option(help="Expires after so many days. [default: never]")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key. It is shown this once.

    What each role and scope allows stands below the options, and in docs/security.md.
    """
    _check(name, email, role, scope or [])
    settings, expires_at = settings_of(data_dir), _expiry(days)

    async def work(database: TenantDatabase) -> dict[str, Any]:
        made, row = await create_key_by_email(
            database,
            email=email,
            role=role,
            name=name,
            scopes=scope,
            chance=os.urandom(CHANCE_BYTES),
            pepper=settings.api_key_pepper.get_secret_value().encode() if settings.api_key_pepper else None,
            actor=_actor(),
            expires_at=expires_at,
        )
        return {"key": made.text, **row}

    made = _at_database(settings, work)
    if as_json:
        print_json(made)
    else:
        say(made["key"])


def _check(name: str, email: str, role: str | None, scopes: Sequence[str]) -> None:
    """Whatever the database would refuse, before it is asked."""
    if not (name.isprintable() and 1 <= len(name) <= LONGEST_NAME and name.strip()):
        raise exits.Exit(exits.USAGE, f"A key's name is 1 to {LONGEST_NAME} printable characters.")
    if not (email.isprintable() and ADDRESS.fullmatch(email) and len(email) <= LONGEST_ADDRESS):
        raise exits.Exit(exits.USAGE, "That is no e-mail address.", hint="Like --email somebody@example.com")
    if role is not None and role not in ALLOWED:
        raise exits.Exit(exits.USAGE, f"There is no role {role}.", hint=f"Roles: {', '.join(ALLOWED)}. {EXPLAINED}")
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise exits.Exit(
            exits.USAGE, f"There is no scope {', '.join(unknown)}.", hint=f"Scopes: {', '.join(SCOPES)}. {EXPLAINED}"
        )


def _expiry(days: float | None) -> datetime | None:
    if days is None:
        return None
    if not 0 <= days <= MOST_DAYS:  # not a number is not between either
        raise exits.Exit(exits.USAGE, f"--days is 0 to {MOST_DAYS:,}.", hint="Without it a key does not expire.")
    return datetime.now(UTC) + timedelta(days=days)


@keys.command("list")
def list_(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List keys, newest first. The keys themselves are stored nowhere."""
    rows = _at_database(settings_of(data_dir), list_keys)
    if as_json:
        print_json(rows)
        return
    now = datetime.now(UTC)
    names, told = ["id", "key", "status", "used", "expires"], [_brief(row, now) for row in rows]
    if out.is_terminal:  # scopes stand below the name, where they have room
        named = [styled(row["name"]).append_text(styled("\n" + " ".join(row["scopes"]), "dim")) for row in rows]
        table([*names, "name"], [[*brief, name] for brief, name in zip(told, named, strict=True)],
              flexible="name", wraps=True)  # fmt: skip
    else:
        whole = [[*brief, row["name"], " ".join(row["scopes"])] for brief, row in zip(told, rows, strict=True)]
        table([*names, "name", "scopes"], whole, flexible="scopes")


def _brief(row: Mapping[str, Any], now: datetime) -> list[str]:
    used, expires = ago(row["last_used_at"], now) or "never", ago(row["expires_at"], now)
    return [short_id(row["id"]), f"{row['key_prefix']}…", row["status"], used, expires]


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, whole or as 'keys list' shows it.")],
    *,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Revoke a key for good; it stops working within five seconds."""

    async def work(database: TenantDatabase) -> dict[str, Any] | None:
        found = await _meant(database, key_id)
        return None if found is None else await revoke_key(database, found, actor=_actor())

    row = _at_database(settings_of(data_dir), work)
    if row is None:
        raise exits.Exit(exits.NOT_FOUND, f"There is no key {key_id}.", hint="'milepost keys list' shows them.")
    if as_json:
        print_json(row)
    else:
        say(f"{row['key_prefix']}… ({row['name']}) is revoked.")


async def _meant(database: TenantDatabase, text: str) -> UUID | None:
    """Raises Exit for what is no id, and with the candidates where several keys share a short one."""
    if (digits := read_short(text)) is None:
        try:
            return UUID(text)
        except ValueError:
            raise exits.Exit(
                exits.USAGE, f"{text} is no id of a key.", hint="'milepost keys list' shows them."
            ) from None
    found = await keys_ending(database, digits)
    if len(found) > 1:
        raise ambiguous(digits, [f"{row['id']}  {row['key_prefix']}…  {row['status']}  {row['name']}" for row in found])
    return found[0]["id"] if found else None


def _at_database(settings: Settings, work: Callable[[TenantDatabase], Awaitable[T]]) -> T:
    async def run() -> T:
        async with open_tenant(settings) as database:
            return await work(database)

    try:
        return asyncio.run(run())
    except ScopesRefused as error:
        raise exits.Exit(exits.REFUSED, str(error), hint="A key has scopes of its user's role alone.") from None
    except UserNotFound as error:
        raise exits.Exit(exits.REFUSED, str(error)) from None


def _actor() -> str:
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container whose user has no name
        return "cli:unknown"
