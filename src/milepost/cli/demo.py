"""`milepost demo`: the whole stack in a folder of its own, a few real jobs, shown to their ends."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from milepost.cli import exits
from milepost.cli.demo_bars import follow_all
from milepost.cli.demo_prompts import prompts
from milepost.cli.demo_stickers import save_stickers, stickers
from milepost.cli.job_views import show_job
from milepost.cli.output import report, say
from milepost.cli.signals import ended_by_signals
from milepost.cli.stack.run import Stack, open_stack
from milepost.cli.terminal import out, styled
from milepost.cli.up import environment_settings
from milepost.client import Client, Job
from milepost.settings import Settings

FOLDER = Path(".milepost-demo")
LONGEST_SECONDS = 300


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    *,
    count: Annotated[
        int, typer.Option("--jobs", min=1, max=10_000, help="How many jobs to submit; up to six are stickers.")
    ] = 30,
    data_dir: Annotated[
        Path | None, typer.Option(help="Use this folder. [default: a new one, which is removed]")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the folder behind.")] = False,
    pictures: Annotated[Path | None, typer.Option("--stickers", help="Save the stickers in this folder.")] = None,
) -> None:
    """Start everything, run a few real jobs, show them to their ends. Leaves nothing behind."""
    with _folder(data_dir, keep=keep) as folder:
        jobs = asyncio.run(_demo(environment_settings(data_dir=folder), count, pictures))
        _how_on(folder if keep or data_dir else None)
    if failed := [job for job in jobs if not job.succeeded]:
        raise exits.Exit(exits.FAILED, f"{len(failed)} of {len(jobs)} jobs did not succeed: {failed[0].error_message}")


@contextmanager
def _folder(named: Path | None, *, keep: bool) -> Generator[Path]:
    if named is not None:
        yield named
        return
    FOLDER.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=FOLDER))
    folder.chmod(0o755)  # PostgreSQL, started by root, is another user and must get in
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
            if not any(FOLDER.iterdir()):
                FOLDER.rmdir()


async def _demo(settings: Settings, count: int, pictures: Path | None) -> list[Job]:
    with ended_by_signals():
        return await _shown(settings, count, pictures)


async def _shown(settings: Settings, count: int, pictures: Path | None) -> list[Job]:
    async with open_stack(settings, port=settings.port, explicit_port=False, report=report, tell=say) as stack:
        say(f"Ready: {stack.note.api_url}, data in {stack.note.data_dir}\n")
        async with Client(stack.note.api_url, stack.note.api_key) as client:
            wanted = stickers(count // 2)
            texts = prompts(count - len(wanted))
            jobs = await _run(client, stack, texts, wanted)
            last = await client.get(jobs[len(texts) - 1].id)
            if pictures is not None:
                await save_stickers(client, jobs[len(texts) :], pictures)
        say("\nOne of them, as the database recorded it:\n")
        show_job(last)
        return jobs


async def _run(client: Client, stack: Stack, texts: Sequence[str], wanted: Sequence[Mapping[str, Any]]) -> list[Job]:
    """Submits each kind in one request and follows every job over one stream of events."""
    ids = await client.submit_many("executions", [{"prompt": text} for text in texts])
    kinds = dict.fromkeys(ids, "execution")
    say(f"{len(ids)} executions submitted in one request.")
    if wanted:
        kinds |= dict.fromkeys(await client.submit_many("images", wanted), "image")
        say(f"{len(wanted)} stickers submitted in another.")
    keeping = asyncio.ensure_future(stack.keep())
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            return await follow_all(client, kinds)
    except TimeoutError:
        hint = f"The logs in {stack.note.data_dir}/logs may tell why; --keep leaves them behind."
        raise exits.Exit(exits.FAILED, f"Not all jobs ended within {LONGEST_SECONDS} s.", hint=hint) from None
    finally:
        keeping.cancel()


def _how_on(folder: Path | None) -> None:
    out.print(styled("\nHow to look further", "bold"))
    where = f" --data-dir {folder}" if folder else ""
    for command, meaning in (
        (f"milepost up{where}", "the same stack, and it stays up"),
        (f'milepost submit execution "…" --wait{where}', "a job of your own"),
        ("milepost images sheet", "stickers of every attribute and rarity, in one picture"),
        (f"milepost jobs list{where}", "what there is; then jobs show, watch, why"),
        (f"milepost verify{where}", "proves every row of every history"),
        (f"milepost doctor{where}", "looks at servers, roles, guards, migrations"),
    ):
        say(f"  {command:<46} {meaning}")
