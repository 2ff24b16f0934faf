"""`milepost images …`: the contact sheet, uploads, what you have, and saving it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from milepost.cli import exits
from milepost.cli.found import AsJson, DataDir
from milepost.cli.jobs import with_client
from milepost.cli.output import ago, print_json, say
from milepost.cli.stickers import picture_of
from milepost.cli.tables import table
from milepost.cli.terminal import group
from milepost.client import Client
from milepost.domain.ids import short_id

# cells of a terminal's line
WIDEST_WORD = 12

images = group("Stickers: draw the contact sheet, upload, list, save.")


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
    now = datetime.now(UTC)
    columns = ("id", "job", "created", "rarity", "attribute", "what")
    widest = {"rarity": WIDEST_WORD, "attribute": WIDEST_WORD}
    table(columns, [_row(image, now) for image in found], flexible="what", widest=widest)


def _row(image: Mapping[str, Any], now: datetime) -> Sequence[str]:
    job, made = image["task_id"], datetime.fromisoformat(image["created_at"])
    return (
        short_id(image["id"]),
        short_id(job) if job else "",  # a sticker is kept longer than the job that drew it
        ago(made, now),
        image["rarity"],
        image["attribute"],
        f"{image['title']} · {image['character_name']}",
    )


@images.command()
def save(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="Of the sticker or of its job, whole or short.")],
    *,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="[default: ID.png]")] = None,
    data_dir: DataDir = None,
) -> None:
    """Save a sticker."""

    async def work(client: Client) -> bytes:
        return await client.images.read(await picture_of(client, wanted))

    data = with_client(data_dir, work)
    _write(output or Path(f"{wanted.strip(' …')}.png"), data)


def _write(output: Path, data: bytes) -> None:
    try:
        output.write_bytes(data)
    except OSError as error:
        raise exits.Exit(exits.USAGE, f"{output} cannot be written: {error.strerror}.") from None
    say(f"{output} ({len(data)} bytes)")
