"""`milepost migrate`: roles, databases, both histories, models. Also `milepost db migrate`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import typer

from milepost.cli import exits
from milepost.cli.found import AsJson, DataDir, settings_of
from milepost.cli.output import print_json, report, say
from milepost.cli.stack.first_key import MADE, FirstKey
from milepost.cli.stack.prepare import plan_of
from milepost.db import migrate as histories
from milepost.db.locations import History
from milepost.settings import Settings
from milepost.tenancy.first_start import make_ready
from milepost.tenancy.trouble import plain_trouble

OWNERS: dict[History, str] = {"control": "control_owner_database_url", "tenant": "owner_database_url"}


def register(app: typer.Typer) -> None:
    app.command()(migrate)


def migrate(
    *,
    history: Annotated[Literal["control", "tenant", "both"], typer.Option(help="Which database.")] = "both",
    revision: Annotated[str | None, typer.Option(help="Go to this revision. [default: the newest]")] = None,
    down: Annotated[bool, typer.Option("--down", help="Go back to --revision ('base' empties the database).")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Prepare the databases and bring them to the newest revision. Safe to repeat; needs the owner's address."""
    if (down or revision is not None) and (history == "both" or revision is None):
        what = "--down needs a revision, which" if revision is None else "A revision"
        hint = f"Name both: --history tenant --revision …{' --down' if down else ''}"
        raise exits.Exit(exits.USAGE, f"{what} belongs to one history.", hint=hint)
    settings = _owned(settings_of(data_dir))
    if history == "both":
        reached = asyncio.run(_everything(settings))
    else:
        reached = asyncio.run(_one(settings, history, revision or "head", down=down))
    if as_json:
        print_json(reached)
    else:
        for name, at in reached.items():
            say(f"{name:<8} {at or 'base'}")


def _owned(settings: Settings) -> Settings:
    """On a server with one login, that login is the owner."""
    updates = {
        setting: getattr(settings, setting.replace("owner_", ""))
        for setting in OWNERS.values()
        if getattr(settings, setting) is None
    }
    return settings.model_copy(update=updates)


async def _everything(settings: Settings) -> dict[str, str | None]:
    owner, key = settings.need("owner_database_url"), FirstKey(settings)
    key.known()  # what is refused is refused before anything is touched
    plan = plan_of(settings, owner, embedded=False, passwords=None)
    try:
        await make_ready(plan, key)
    finally:  # a key that was made is told of whatever became of the rest
        if key.made is not None:
            report(f"{MADE.format(key.made)} Keep a copy, and give it to every process.")
    return {name: await histories.current(settings.need(OWNERS[name])) for name in OWNERS}


async def _one(settings: Settings, history: History, revision: str, *, down: bool) -> dict[str, str | None]:
    url = settings.need(OWNERS[history])
    with plain_trouble():
        await (histories.downgrade if down else histories.upgrade)(url, history, revision)
        at = await histories.current(url)
    if revision not in {"head", "heads", at or "base"} and revision.isalnum():
        # the way to it leads in the other direction, so that nothing was done
        hint = "Without --down it goes up to that revision." if down else "Add --down to go back."
        raise exits.Exit(exits.REFUSED, f"The {history} database stays at {at or 'base'}.", hint=hint)
    return {history: at}
