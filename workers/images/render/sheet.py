"""The contact sheet: every attribute in every rarity, side by side."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from PIL import Image

from workers.images.render.draw import render
from workers.images.render.spec import Rendered, StickerSpec

Draw = Callable[[StickerSpec], Rendered]

RARITIES = ("normal", "rare", "super_rare", "head")
CAST = (
    ("devil", "暗黒火山の主", "魔炎ゴルザ", "#b0103a"),
    ("guardian", "鈴の音の守り手", "福鈴童子", "#26c6b4"),
    ("angel", "天空の聖騎士", "光翼レイ", "#f5b81c"),
)
"""Attribute, title, name and colour of the three characters on the sheet."""

_PAPER = (236, 233, 226)


def draw_alone(spec: StickerSpec) -> Rendered:
    return render(spec, None, lambda _progress, _stage: None)


def cast(
    size: int, *, seed: int = 1985, everyone: Sequence[tuple[str, str, str, str]] = CAST
) -> list[list[StickerSpec]]:
    """A row for each character, a column for each rarity."""
    return [
        [StickerSpec(title, name, attribute, rarity, background, seed=seed, size=size) for rarity in RARITIES]
        for attribute, title, name, background in everyone
    ]


def contact_sheet(*, cell: int = 360, size: int = 1134, bits: int = 8, draw: Draw = draw_alone) -> bytes:
    """PNG bytes; each sticker is drawn at `size` and shown at `cell` pixels.

    `bits` of each channel are kept: fewer make a smaller file.
    """
    rows = cast(size)
    gap = cell // 18
    width, height = (cell + gap) * len(rows[0]) + gap, (cell + gap) * len(rows) + gap
    sheet = Image.new("RGB", (width, height), _PAPER)
    for row, specs in enumerate(rows):
        for column, spec in enumerate(specs):
            sticker = Image.open(io.BytesIO(draw(spec).png)).resize((cell, cell), Image.Resampling.LANCZOS)
            sheet.paste(sticker, (gap + column * (cell + gap), gap + row * (cell + gap)), sticker)
    return _png(sheet, bits)


def _png(sheet: Image.Image, bits: int) -> bytes:
    levels = (1 << bits) - 1
    sheet = sheet.point([round(round(value * levels / 255) * 255 / levels) for value in range(256)] * 3)
    stream = io.BytesIO()
    sheet.save(stream, "PNG", optimize=True)
    return stream.getvalue()
