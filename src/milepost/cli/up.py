"""`milepost up`: the whole stack in one command, until Ctrl-C."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Annotated

import typer

from milepost.cli.extras import WITHOUT, mend_of_extra, missing_extras
from milepost.cli.found import DataDir
from milepost.cli.output import report, say
from milepost.cli.signals import STOPS
from milepost.cli.stack.first_key import MADE
from milepost.cli.stack.run import Stack, open_stack
from milepost.settings import DEFAULT_FOLDER, Settings, from_environment


def register(app: typer.Typer) -> None:
    app.command()(up)


def up(
    *,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="The API's port; 0 takes a free one. [default: 8000 or the next]"),
    ] = None,
    data_dir: DataDir = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
) -> None:
    """Start PostgreSQL, Redis, API, workers and maintenance here, and keep them running."""
    settings = environment_settings(data_dir=data_dir, port=port)
    asyncio.run(_up(settings, quiet=quiet))


def environment_settings(**given: object) -> Settings:
    """Options and environment alone: what an earlier stack left in the folder is no setting of this one."""
    return from_environment(**given)


async def _up(settings: Settings, *, quiet: bool) -> None:
    stop, me = asyncio.Event(), asyncio.current_task()
    loop, open_yet = asyncio.get_running_loop(), False
    running: list[Stack] = []

    def on_signal() -> None:
        if stop.is_set():
            for stack in running:
                stack.hurry()
        elif not open_yet and me is not None:
            me.cancel()
        stop.set()

    for number in STOPS:
        loop.add_signal_handler(number, on_signal)
    explicit = "port" in settings.model_fields_set
    try:
        async with open_stack(
            settings, port=settings.port, explicit_port=explicit, report=report, tell=_silent if quiet else say
        ) as stack:
            open_yet = True
            running.append(stack)
            if not quiet:
                greet(stack)
            await serve(stack, stop)
            if not quiet:
                say("Stopping …")
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def serve(stack: Stack, stop: asyncio.Event) -> None:
    """Keeps the stack running until `stop` is set."""
    keeping, waiting = asyncio.ensure_future(stack.keep()), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({keeping, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (keeping, waiting):
            task.cancel()
        results = await asyncio.gather(keeping, waiting, return_exceptions=True)
    if isinstance(results[0], Exception):
        raise results[0]


def _silent(_: str) -> None: ...


def greet(stack: Stack) -> None:
    note = stack.note
    say("\nMilepost is up.")
    say(f"  API   {note.api_url}  (in a browser: sign in with the key)")
    say(f"  key   {note.api_key}")
    say(f"  data  {note.data_dir}")
    say("        (addresses in milepost.json, logs in logs/)")
    if stack.new_key_file is not None:
        say(f"  {MADE.format(stack.new_key_file)}")
    if not stack.own_roles:
        say("  This database server allows one role: what the roles would refuse is refused by triggers alone.")
    for extra in missing_extras():
        say(f"  Without milepost[{extra}] {WITHOUT[extra]}: {mend_of_extra(extra)}")
    say()
    say("In another terminal, for curl:")
    say(f"export API={shlex.quote(note.api_url)}")
    say(f"export KEY={shlex.quote(note.api_key)}\n")
    say(f'Try: milepost submit execution "Why do birds sing at dawn?" --wait{_where(stack)}')
    say("Ctrl-C stops everything.")


def _where(stack: Stack) -> str:
    """The option by which other commands find it, where they would not look for it themselves."""
    folder = Path(stack.note.data_dir)
    return "" if folder == DEFAULT_FOLDER.absolute() else f" --data-dir {shlex.quote(str(folder))}"
