"""The stickers of the demonstration: which are asked for, and where they are put."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from milepost.cli.output import say
from milepost.client import Client, Job

CAST = (
    ("悪魔", "ヘッド", "暗黒の炎", "ダークメラ王", "#b0103a", "a devil king in a cloak of black fire"),
    ("天使", "スーパーレア", "天空の聖騎士", "セイント光輝", "#f5b81c", "a knight of the sky with a golden ring"),
    ("お守り", "レア", "鈴の守り手", "リンリン守子", "#26c6b4", "a small guardian who carries a bell"),
    ("悪魔", "レア", "雷鳴の王子", "ゴロゴン", "#5b2a9e", "a small devil who eats thunder"),
    ("天使", "ノーマル", "朝の使い", "ヒカリン", "skyblue", "an angel who wakes the birds"),
    ("お守り", "ヘッド", "千年の盾", "マモル神", "seagreen", "an old shield that learned to walk"),
)


def stickers(count: int) -> list[dict[str, Any]]:
    """Up to six; none where the libraries for drawing are not installed."""
    if find_spec("PIL") is None or find_spec("numpy") is None:
        return []
    names = ("attribute", "rarity", "title", "character_name", "background_color", "prompt")
    return [dict(zip(names, each, strict=True)) for each in CAST[:count]]


async def save_stickers(client: Client, jobs: Sequence[Job], folder: Path) -> None:
    """Replaces what an earlier demonstration left there."""
    pictures = [await client.images.read(job.columns["result"]["image_url"]) for job in jobs if job.succeeded]
    _write(folder, pictures)
    say(f"\nThe stickers lie in {folder}/ for you to look at.")


def _write(folder: Path, pictures: Sequence[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in enumerate(pictures, 1):
        (folder / f"sticker-{number}.png").write_bytes(picture)
