"""`milepost submit KIND …`: one job of any kind; its fields are options by their own names."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from milepost.cli import exits
from milepost.cli.fields import described, fields_of, main_field, option
from milepost.cli.found import AsJson, DataDir
from milepost.cli.job_views import show_job
from milepost.cli.jobs import end_as, with_client
from milepost.cli.lists import listed
from milepost.cli.output import print_json, say, warn
from milepost.cli.watching import leaving, watch_job
from milepost.cli.words import Words, take_apart
from milepost.client import Client, Job
from milepost.engine.kind import Kind
from milepost.kinds import find_kind

WORDS = "milepost.words"


class SubmitCommand(TyperCommand):
    """Takes its words apart before the library does, which would find options inside of texts."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = [parameter for parameter in self.get_params(ctx) if parameter.param_type_name == "option"]
        options = {name: not getattr(one, "is_flag", False) for one in own for name in one.opts}
        words = ctx.meta[WORDS] = take_apart(args, options)
        return super().parse_args(ctx, [*words.own, "--", *words.plain])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        kinds = [find_kind(name) for name in ctx.meta[WORDS].plain[:1]]
        super().format_help(ctx, formatter)
        for kind in kinds:
            formatter.write(listed(f"Fields of {kind.path}", described(kind)))


def register(app: typer.Typer) -> None:
    app.command(cls=SubmitCommand, context_settings={"allow_extra_args": True})(submit)


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
    'milepost submit execution --help' and 'milepost submit image --help' show them. A text that looks like an option stands after --.
    """
    found, words = find_kind(kind), context.meta[WORDS]
    request = request_of(found, words, file=file)

    made: Job | None = None

    async def work(client: Client) -> Job:
        nonlocal made
        made = job = await client.submit(found.path, idempotency_key=idempotency_key, **request)
        for warning in job.warnings:
            warn(warning)
        if not as_json:
            say(f"{job.id} {'was submitted before' if job.replayed else 'submitted'}: {job.status}")
        return await watch_job(client, str(job.id), quiet=as_json, timeout=timeout) if wait else job

    with leaving(lambda: str(made.id) if made else None, data_dir):
        job = with_client(data_dir, work)
    if as_json:
        print_json(job)
    elif wait:
        show_job(job, timeline=False)  # which was told as it happened
    if wait:
        end_as(job)


def request_of(kind: Kind, words: Words, *, file: Path | None) -> dict[str, Any]:
    """The request's fields. Raises Exit."""
    request = fields_of(kind, words.fields)
    return {**request, **_text(kind, words.plain[1:], file, request)}


def _text(kind: Kind, texts: Sequence[str], file: Path | None, request: Mapping[str, Any]) -> dict[str, str]:
    if len(texts) + (file is not None) > 1:
        raise exits.Exit(exits.USAGE, "There is more than one text.", hint="Put a text with blanks in quotes.")
    if not texts and file is None:
        return {}
    if (name := main_field(kind)) is None:
        raise exits.Exit(exits.USAGE, f"The kind {kind.path} takes no text.")
    if name in request:
        raise exits.Exit(exits.USAGE, f"The text is given twice, as {option(name)} too.")
    return {name: _read(file, texts)}


def _read(file: Path | None, texts: Sequence[str]) -> str:
    """Of the file, of standard input for a single `-`, or the text itself."""
    try:
        if file is not None:
            return file.read_text(encoding="utf-8")
        return sys.stdin.read() if texts[0] == "-" else texts[0]
    except OSError as error:
        raise exits.Exit(exits.USAGE, f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise exits.Exit(exits.USAGE, f"{file or 'Standard input'} is no UTF-8.") from None
