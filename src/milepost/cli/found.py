"""The settings of a command: its options, the environment, the stack that runs in the data folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from milepost.client import Client
from milepost.db.urls import LONGEST_NAME, database_name, with_database, without_login
from milepost.domain.errors import ConfigurationError
from milepost.settings import Settings, load, read_stack

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="The stack's data folder. [default: ./.milepost]", show_default=False)
]
CONTROL_SUFFIX = "_control"
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]


def settings_of(data_dir: Path | None = None, **given: Any) -> Settings:
    """Raises ConfigurationError for a value that is none."""
    return _with_control(_with_roles_of_stack(load(data_dir=data_dir, **given)))


def _with_roles_of_stack(settings: Settings) -> Settings:
    """A server named in the environment that is also the stack's: the stack has made a login for every purpose."""
    stack = read_stack(settings.data_dir)
    named = settings.database_url
    if named is None or "owner_database_url" not in stack:
        return settings
    if without_login(named.get_secret_value()) != without_login(stack["owner_database_url"]):
        return settings
    urls = {name: type(named)(value) for name, value in stack.items() if name.endswith("database_url")}
    missing = {name: url for name, url in urls.items() if getattr(settings, name) is None}
    return settings.model_copy(update=missing)


def _with_control(settings: Settings) -> Settings:
    """The control database is beside the tenant's unless a setting says where."""
    updates = {
        name: type(url)(beside(url.get_secret_value()))
        for name, url in (
            ("control_database_url", settings.database_url),
            ("control_owner_database_url", settings.owner_database_url),
        )
        if url is not None and getattr(settings, name) is None
    }
    return settings.model_copy(update=updates)


def beside(url: str) -> str:
    """The control database's address. Raises ConfigurationError where its name would be too long."""
    if len(database_name(url).encode()) > LONGEST_NAME - len(CONTROL_SUFFIX):
        told = f"The name of the database leaves no room for {CONTROL_SUFFIX} behind it."
        raise ConfigurationError(told, hint="Take a shorter one, or set MILEPOST_CONTROL_DATABASE_URL.")
    return with_database(url, f"{database_name(url)}{CONTROL_SUFFIX}")


def where(data_dir: Path | None) -> str:
    """The option by which another command finds the same stack, where it would not look for it itself."""
    return "" if data_dir is None else f" --data-dir {shlex.quote(str(data_dir))}"


def client_of(settings: Settings, **options: Any) -> Client:
    """Raises ConfigurationError when there is no key to show."""
    return Client(settings.api_url, settings.need("api_key"), **options)
