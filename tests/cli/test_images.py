"""`milepost images`: save what was drawn, upload, list, and a sheet without any stack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.running import Said, call

Milepost = Callable[..., Said]
STICKER = ("--title", "雷鳴の王子", "--character-name", "ゴロゴン", "--attribute", "悪魔", "--rarity", "ヘッド",
           "--background-color", "crimson", "--size", "256")  # fmt: skip


def size_of(file: Path) -> tuple[int, int]:
    with Image.open(file) as picture:
        return picture.size


def test_a_sticker_is_submitted_listed_and_saved(milepost: Milepost, tmp_path: Path) -> None:
    job = milepost("submit", "image", "A small devil", *STICKER, "--wait", "--json").json
    file = tmp_path / "sticker.png"

    saved = milepost("images", "save", job["id"], "-o", str(file))
    listed = milepost("images", "list", "--json").json

    assert (job["status"], saved.code, size_of(file)) == ("completed", 0, (256, 256))
    assert job["id"] in [image["task_id"] for image in listed]
    assert "ゴロゴン" in milepost("images", "list").out


def test_a_task_without_a_picture_is_said_to_have_none(milepost: Milepost, tmp_path: Path) -> None:
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    job = milepost("submit", "image", "A small devil", *STICKER, "--scheduled-at", later, "--json").json
    output = ("-o", str(tmp_path / "x.png"))

    waiting = milepost("images", "save", job["id"], *output)
    unknown = milepost("images", "save", "01a1fd77-b376-7124-b0de-06a5bb225b6e", *output)

    assert (waiting.code, unknown.code) == (4, 3)
    assert "pending" in waiting.err


def test_an_uploads_id_is_said(milepost: Milepost, tmp_path: Path) -> None:
    photo, junk = tmp_path / "photo.png", tmp_path / "junk.png"
    Image.new("RGB", (64, 64), (1, 2, 3)).save(photo)
    junk.write_bytes(b"junk")

    taken, refused, missing = (milepost("images", "upload", str(file)) for file in (photo, junk, tmp_path / "none.png"))

    assert (taken.code, len(taken.out.strip())) == (0, 36)
    assert (refused.code, missing.code) == (2, 2)
    assert "neither PNG" in refused.err


@pytest.mark.slow
def test_the_sheet_needs_no_stack(tmp_path: Path) -> None:
    file = tmp_path / "sheet.png"

    assert call("images", "sheet", "-o", str(file), "--cell", "90").code == 0

    assert size_of(file)[0] > 4 * 90
