"""`milepost submit KIND …`: one job of any kind; its fields are options by their own names."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from milepost.cli import exits
from milepost.cli.found import AsJson, DataDir
from milepost.cli.job_views import show_job
from milepost.cli.jobs import end_as, with_client
from milepost.cli.output import print_json, say
from milepost.cli.watching import watch_job
from milepost.client import Client, Job
from milepost.engine.kind import Kind
from milepost.kinds import find_kind


def register(app: typer.Typer) -> None:
    app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(submit)


def submit(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND [TEXT]", help="Like: execution 'Why is the sky blue?'; TEXT - reads standard input."
        ),
    ],
    *,
    file: Annotated[Path | None, typer.Option(help="Read the text from a file.")] = None,
    model: Annotated[str | None, typer.Option(help="Executions: which model answers.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key is the same job.")] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Follow the job to its end.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--wait-timeout", help="Give up waiting after so many seconds.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Submit a job.

    Every field of the kind is an option: --max-tokens 200 --priority 5 --scheduled-at 2026-01-31T08:00:00Z.
    """
    found = find_kind(kind)
    texts, pairs = split(context.args)
    request = {**fields_of(found, pairs), **_text(found, texts, file)}
    if model is not None:
        request["model"] = model

    async def work(client: Client) -> Job:
        job = await client.submit(found.path, idempotency_key=idempotency_key, **request)
        if not as_json:
            say(f"{job.id} {'was submitted before' if job.replayed else 'submitted'}: {job.status}")
        return await watch_job(client, str(job.id), quiet=as_json, timeout=timeout) if wait else job

    job = with_client(data_dir, work)
    if as_json:
        print_json(job)
    elif wait:
        show_job(job)
    if wait:
        end_as(job)


def split(words: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Texts, and `--max-tokens 200` or `--max-tokens=200` as field and value."""
    texts, pairs, rest = list[str](), list[tuple[str, str]](), iter(words)
    for word in rest:
        if not word.startswith("--"):
            texts.append(word)
            continue
        name, equals, value = word.removeprefix("--").partition("=")
        pairs.append((name.replace("-", "_"), value if equals else next(rest, "")))
    return texts, pairs


def fields_of(kind: Kind, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Values as the request's fields want them. Raises Exit for a field there is not."""
    known = kind.request.model_fields
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in known:
            raise exits.Exit(exits.USAGE, f"A {kind.name} has no field {name}.", hint=f"It has: {', '.join(known)}.")
        found[name] = value if "str" in str(known[name].annotation) else _parsed(value)
    return found


def _text(kind: Kind, texts: Sequence[str], file: Path | None) -> dict[str, str]:
    """The kind's first required field is what the text is for."""
    if len(texts) + (file is not None) > 1:
        raise exits.Exit(exits.USAGE, "There is more than one text.", hint="Put a text with blanks in quotes.")
    if not texts and file is None:
        return {}
    required = [name for name, field in kind.request.model_fields.items() if field.is_required()]
    if not required:
        raise exits.Exit(exits.USAGE, f"A {kind.name} takes no text.")
    return {required[0]: _read(file) if file is not None else sys.stdin.read() if texts[0] == "-" else texts[0]}


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise exits.Exit(exits.USAGE, f"{file} cannot be read: {error}.") from None


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
