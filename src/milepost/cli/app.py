"""The command `milepost`: finds the noun's module, runs it, turns errors into one line and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from milepost import __version__
from milepost.cli import exits
from milepost.cli.output import complain, report, say
from milepost.cli.terminal import group, write_anything
from milepost.domain.errors import MilepostError

HELP = """Tracks long-running jobs: submit, advance, watch.

'milepost up' starts everything here; every other command finds it by its data folder."""

# A module is imported only when its command is wanted: most of them need a tenth of the whole.
COMMANDS: Mapping[str, str] = {
    "up": "up",
    "demo": "demo",
    "submit": "submit",
    "jobs": "jobs",
    "images": "images",
    "keys": "keys",
    "verify": "verify",
    "audit": "audit",
    "doctor": "doctor",
    "migrate": "migrate",
    "db": "db",
    "api": "api",
    "worker": "worker",
    "maintain": "maintain",
}


def build(names: Sequence[str]) -> typer.Typer:
    app = group(
        HELP,
        name="milepost",
        epilog=exits.EXPLAINED,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in names:
        import_module(f"milepost.cli.{COMMANDS[name]}").register(app)
    return app


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        sys.stdout.write(f"milepost {__version__}\n")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Exits with one of the documented codes, never with a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    write_anything()
    wanted = next((word for word in given if not word.startswith("-")), "")
    try:
        run = build([wanted] if wanted in COMMANDS else list(COMMANDS))
        code = run(given, prog_name="milepost", standalone_mode=False)
    except TyperException as error:
        _misused(error)
    except MilepostError as error:
        complain(str(error), error.hint, getattr(error, "lines", ()))
        sys.exit(exits.code_of(error))
    except exits.Interrupted as interrupted:
        for line in interrupted.lines:
            report(line)
        sys.exit(exits.INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(exits.INTERRUPTED)
    except SystemExit as end:  # by which the libraries end when the reader went away: `milepost jobs list | head`
        sys.exit(exits.OK if isinstance(end.__context__, BrokenPipeError) else end.code)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        complain(f"{type(error).__name__}: {error}", "Set MILEPOST_LOG_LEVEL=debug for the whole traceback.")
        _traceback_if_wanted()
        sys.exit(exits.FAILED)
    sys.exit(code if isinstance(code, int) else exits.OK)


def _misused(error: TyperException) -> NoReturn:
    message, context = error.format_message().strip(), getattr(error, "ctx", None)
    if context is not None and message == context.get_help().strip():  # a noun alone
        say(message)
    elif message:
        complain(message, f"'{context.command_path if context else 'milepost'} --help' tells more.")
    sys.exit(exits.USAGE)


def _traceback_if_wanted() -> None:
    from milepost.settings import Settings  # noqa: PLC0415 - costs more than most commands

    if Settings().log_level == "debug":
        import traceback  # noqa: PLC0415

        traceback.print_exc()


if __name__ == "__main__":
    main()
