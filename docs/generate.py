"""Writes what code and measurements can tell: states, settings, commands, routes, the Procfile's workers, figures.

`make docs` writes them; `--check` only says which are out of date, and exits 1 if any is.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import typer.main
from pydantic.fields import FieldInfo
from uuid_utils.compat import uuid7

from docs.figures import ROOT, WITH_FIGURES, measured, with_figures
from docs.refusals import with_refusals
from docs.tables import table
from milepost import settings as settings_module
from milepost.api.access import PUBLIC
from milepost.api.app import create_app
from milepost.api.dependencies import Dependencies
from milepost.cli import exits
from milepost.cli.app import COMMANDS, build
from milepost.db.libpq import PARAMETERS, Parameter, never
from milepost.domain.machine import Edge, StateMachine
from milepost.domain.scopes import ROLES, SCOPES
from milepost.engine.kind import Kind
from milepost.kinds import all_kinds
from milepost.settings import Settings

GENERATED = "<!-- Written by docs/generate.py: run `make docs`. -->"
METHODS = ("get", "post", "put", "patch", "delete")


def pages() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    return {
        ROOT / "docs" / "states.md": states(all_kinds()),
        ROOT / "docs" / "settings.md": settings(),
        ROOT / "docs" / "commands.md": commands(),
        ROOT / "docs" / "routes.md": routes(),
        ROOT / "Procfile": procfile((ROOT / "Procfile").read_text()),
        ROOT / "docs" / "operating.md": with_parameters((ROOT / "docs" / "operating.md").read_text()),
        ROOT / "docs" / "security.md": with_rights((ROOT / "docs" / "security.md").read_text()),
        ROOT / "docs" / "urls.md": with_refusals((ROOT / "docs" / "urls.md").read_text()),
        **{path: with_figures(path.read_text(), measured()) for path in WITH_FIGURES},
    }


def page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", GENERATED, *parts]) + "\n"


# ------------------------------------------------------------------------------------------------ states


def states(kinds: Sequence[Kind]) -> str:
    told = (
        "The machine of every kind, as `src/milepost/kinds/` defines it. The same edges fill the table"
        " `legal_transitions`, which the database's own guards ask; any other change of a status is refused. What each guard means stands in `GUARDS` of `src/milepost/db/statements.py`."
    )
    return page("States", told, *(_states_of(kind) for kind in kinds))


def _states_of(kind: Kind) -> str:
    machine = kind.machine
    statuses = [
        [f"`{status}`", str(phase), "yes" if phase.terminal else ""] for status, phase in machine.phases.items()
    ]
    return "\n\n".join(
        [
            f"## {kind.path}",
            f"```mermaid\n{machine.mermaid()}\n```",
            table(("status", "phase", "an end"), statuses),
            table(("from", "to", "reason", "who", "guards"), [_edge(edge) for edge in _in_order(machine)]),
        ]
    )


def _in_order(machine: StateMachine) -> list[Edge]:
    order = {status: index for index, status in enumerate(("", *machine.phases))}
    return sorted(machine.edges, key=lambda e: (order[e.from_status], order[e.to_status], e.reason, e.by))


def _edge(edge: Edge) -> list[str]:
    start = f"`{edge.from_status}`" if edge.from_status else "(new)"
    return [start, f"`{edge.to_status}`", edge.reason, edge.by, ", ".join(sorted(edge.guards))]


# ------------------------------------------------------------------------------------------------ settings


def settings() -> str:
    told = (
        "Read from the environment; a command's option goes before it, and where neither says anything, the stack that"
        " runs in the data folder (`milepost.json`) gives the addresses. Secrets are never shown or logged."
    )
    meanings = _meanings()
    rows = [_setting(name, field, meanings[name]) for name, field in Settings.model_fields.items()]
    return page("Settings", told, table(("variable", "default", "what it is for"), rows), ELSEWHERE)


ELSEWHERE = """## Read elsewhere

| variable | what it is for |
| --- | --- |
| `MILEPOST_PG_BIN`, `MILEPOST_REDIS_BIN` | folders with the programs of PostgreSQL and of Redis or Valkey, instead of the wheels' |
| `MILEPOST_TEST_DATABASE_URL`, `MILEPOST_TEST_REDIS_URL` | servers for the test suite, instead of embedded ones |
| `PORT` | the port that the Procfile's `web` line listens on |"""


def _meanings() -> dict[str, str]:
    """The string below each field of Settings."""
    tree = ast.parse(Path(settings_module.__file__).read_text())
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    found: dict[str, str] = {}
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[ast.unparse(field.target)] = str(below.value.value)
    return found


def _setting(name: str, field: FieldInfo, meaning: str) -> list[str]:
    variables = f"`MILEPOST_{name.upper()}`" + (" (or `DATABASE_URL`)" if name == "database_url" else "")
    default = "" if field.default is None else f"`{field.default}`"
    return [variables, default.replace("True", "true").replace("False", "false"), meaning]


# ------------------------------------------------------------------------------------------------ commands


def commands() -> str:
    root: Any = typer.main.get_command(build(list(COMMANDS)))
    told = [
        f"{exits.EXPLAINED} 130 interrupted.",
        "Every reading command takes `--json`: one document on standard output.",
    ]
    found = [_command(path, command) for path, command in _leaves(root, "milepost")]
    return page("Commands", *told, *found)


def _leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    children: Mapping[str, Any] | None = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from _leaves(child, f"{path} {name}")


def _command(path: str, command: Any) -> str:
    context = command.context_class(command, info_name=path)
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    words = " ".join([path, *(_argument(argument) for argument in arguments)])
    rows = [_option(parameter, context) for parameter in shown if parameter not in arguments]
    parts = [f"## {path}", " ".join(command.help.split()), f"`{words}{' [OPTIONS]' if rows else ''}`"]
    return "\n\n".join([*parts, *([table(("option", "what it does"), rows)] if rows else [])])


def _argument(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def _option(option: Any, context: Any) -> list[str]:
    names, told = option.get_help_record(context)
    return [f"`{names}`", " ".join(told.split())]


# ------------------------------------------------------------------------------------------------ addresses

PARAMETERS_OF_ADDRESSES = re.compile(
    r"(?<=<!-- parameters, written by docs/generate.py -->\n).*?(?=<!-- /parameters -->)", re.DOTALL
)


def with_parameters(page: str) -> str:
    """What each parameter of a database's address means, and whether it is honoured."""
    rows = [[f"`{name}`", parameter.meaning, _honoured(parameter)] for name, parameter in PARAMETERS.items()]
    told = table(("parameter", "what it means to libpq", "here"), rows)
    return PARAMETERS_OF_ADDRESSES.sub(lambda _: f"\n{told}\n\n", page)


def _honoured(parameter: Parameter) -> str:
    if parameter.fits is never:
        return f"refused. {parameter.otherwise}"
    if parameter.way == "nothing":
        return f"accepted where it asks for what holds anyway. {parameter.otherwise}"
    return "honoured" if parameter.fits("\0") else f"honoured. {parameter.otherwise}"


# ------------------------------------------------------------------------------------------------ routes


def routes() -> str:
    told = (
        "Bodies, parameters and answers are described at `/openapi.json`. Every refusal is a problem document"
        " (RFC 9457) whose `type` is explained at `/problems/{slug}`. One of the named scopes lets a key in; what is not its"
        " user's own takes one of those behind *others'*. A key without `job:read`, `audit:read` and `ops:deploy` is told of what"
        " it changes the id, kind, status and version alone. [Security](security.md#roles-and-scopes) explains the scopes."
    )
    document = create_app(_nothing_open()).openapi()
    rows = [
        (path, method.upper(), operation.get("summary", ""), _scope(operation))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]
    parts: list[str] = []
    for room, members in groupby(sorted(rows, key=_room_of_row), key=lambda row: _room(row[0])):
        lines = [[f"`{method} {path}`", summary, scope] for path, method, summary, scope in members]
        parts.append(f"## {room}\n\n{table(('route', 'what it does', 'scope'), lines)}")
    return page("Routes", told, *parts)


def _scope(operation: Mapping[str, Any]) -> str:
    asked = operation.get("x-scopes", {"own": (), "others": ()})
    own, others = (", ".join(f"`{scope}`" for scope in asked[whose]) for whose in ("own", "others"))
    return f"{own}; others' {others}" if others else own


def _room(path: str) -> str:
    if path in PUBLIC:
        return "without a key"
    return path.split("/")[2].partition(":")[0]


def _room_of_row(row: tuple[str, str, str, str]) -> tuple[Any, ...]:
    path, method, *_ = row
    room = _room(path)
    return (room == "without a key", room, path, METHODS.index(method.lower()))


def _nothing_open() -> Dependencies:
    """Enough to know the routes, and nothing that answers."""

    async def away(*_: Any) -> Any:
        raise KeyError

    closed: Any = None
    return Dependencies(
        databases=away, ringer=closed, kinds=all_kinds(), ids=uuid7, secret=b"", presence=away, active_models=away
    )


# ------------------------------------------------------------------------------------------------ security

RIGHTS = re.compile(r"(?<=<!-- rights, written by docs/generate.py -->\n).*?(?=<!-- /rights -->)", re.DOTALL)


def with_rights(page: str) -> str:
    """What roles and scopes allow, and which role's keys may have which scope."""
    roles = [[f"`{name}`", role.meaning] for name, role in ROLES.items()]
    scopes = [
        [f"`{scope}`", meaning, *("yes" if scope in role.scopes else "" for role in ROLES.values())]
        for scope, meaning in SCOPES.items()
    ]
    tables = (
        table(("role of a user", "what it is for"), roles),
        table(("scope of a key", "lets its holder", *(f"`{name}`" for name in ROLES)), scopes),
    )
    return RIGHTS.sub(lambda _: "\n" + "\n\n".join(tables) + "\n\n", page)


# ------------------------------------------------------------------------------------------------ Procfile


def procfile(present: str) -> str:
    """The other lines as they are; one worker line a kind."""
    others = [line for line in present.splitlines() if not line.startswith("worker_")]
    workers = [f"worker_{kind.path}: milepost worker {kind.path}" for kind in all_kinds()]
    place = next((i for i, line in enumerate(others) if line.startswith("maintenance:")), len(others))
    return "\n".join([*others[:place], *workers, *others[place:]]) + "\n"


def main(arguments: Sequence[str]) -> int:
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        print(f"{path.relative_to(ROOT)} {'is out of date' if '--check' in arguments else 'written'}")
        if "--check" not in arguments:
            path.write_text(text)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
