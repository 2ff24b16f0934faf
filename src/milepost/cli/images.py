"""`milepost images …`: the contact sheet, uploads, what you have, and saving it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from milepost.cli import exits
from milepost.cli.found import AsJson, DataDir
from milepost.cli.jobs import with_client
from milepost.cli.output import print_json, say, table
from milepost.client import Client, Job

images = typer.Typer(help="Stickers: draw the contact sheet, upload, list, save.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(images, name="images")


@images.command()
def sheet(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the picture here.")] = Path("stickers.png"),
    cell: Annotated[int, typer.Option(min=64, max=1134, help="Pixels per sticker.")] = 360,
) -> None:
    """Draw a contact sheet of every attribute and rarity. Needs no running stack."""
    try:
        # the renderer belongs to the workers, which nothing here imports: it is found by its name
        draw = import_module("workers.images.render.sheet").contact_sheet
    except ModuleNotFoundError as error:
        hint = "Install the extra milepost[images]."
        raise exits.Exit(exits.UNAVAILABLE, f"Drawing needs {error.name}.", hint=hint) from None
    _write(output, draw(cell=cell))


@images.command()
def upload(
    file: Annotated[Path, typer.Argument(help="PNG, JPEG, WebP or GIF, at most 5 MiB and 40 megapixels.")],
    *,
    data_dir: DataDir = None,
) -> None:
    """Upload a picture to draw from, and say its id: submit image … --source-image-id ID."""
    if not file.is_file():
        raise exits.Exit(exits.USAGE, f"{file} is no file.")
    say(str(with_client(data_dir, lambda client: client.images.upload(file))))


@images.command("list")
def list_(
    *,
    offset: Annotated[int, typer.Option(min=0, max=10_000, help="How many of the newest to leave out.")] = 0,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100)] = 20,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List your stickers, newest first."""
    found = with_client(data_dir, lambda client: client.images.history(offset=offset, page_size=limit))
    if as_json:
        print_json(found)
        return
    names = ("id", "character_name", "attribute", "rarity", "cached", "created_at")
    table(names, [[escape(str(image[name])) for name in names] for image in found])


@images.command()
def save(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job's id.")],
    *,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="[default: ID.png]")] = None,
    data_dir: DataDir = None,
) -> None:
    """Save the sticker of a finished job."""

    async def work(client: Client) -> tuple[Job, bytes | None]:
        job = await client.get(job_id, "images")
        result: dict[str, Any] | None = job.columns.get("result")
        return job, await client.images.read(result["image_url"]) if result else None

    job, data = with_client(data_dir, work)
    if data is None:
        hint = f"milepost jobs why {job_id}"
        raise exits.Exit(exits.REFUSED, f"The job is {job.status}: it has no picture.", hint=hint)
    _write(output or Path(f"{job_id}.png"), data)


def _write(output: Path, data: bytes) -> None:
    try:
        output.write_bytes(data)
    except OSError as error:
        raise exits.Exit(exits.USAGE, f"{output} cannot be written: {error.strerror}.") from None
    say(f"{output} ({len(data)} bytes)")
