"""The cache: every input is in its key, what is over or altered is drawn again, nobody gets another's private picture."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from milepost.storage import paths
from tests.images_fixtures import REQUEST, Easel, png
from workers.images.cache import key_of

USER = UUID(int=1)
DATA = {
    **REQUEST, "effects": {"foil": "none"}, "style": {}, "seed": None, "size": 1134, "format": "png", "no_cache": False,
    "source_image_url": None, "source_image_id": None,
}  # fmt: skip
CHANGED = {
    "prompt": "A small devil who eats lightning",
    "title": "雷鳴の王",
    "character_name": "ゴロゴ",
    "attribute": "天使",
    "rarity": "レア",
    "background_color": "#7a1fa3",
    "effects": {"foil": "sheen"},
    "style": {"grain": False},
    "seed": 0,
    "size": 1135,
    "format": "webp",
}


def test_a_change_of_any_input_changes_the_key() -> None:
    keys = {key_of({**DATA, name: value}, None, "v1", USER).digest for name, value in CHANGED.items()}
    keys |= {key_of(DATA, None, version, USER).digest for version in ("v1", "v2")}
    keys |= {key_of(DATA, source, "v1", USER).digest for source in (b"", b"x")}
    keys.add(key_of(DATA, b"x", "v1", UUID(int=2)).digest)

    assert len(keys) == len(CHANGED) + 5


def test_what_changes_no_pixel_changes_no_key() -> None:
    first = key_of(DATA, None, "v1", USER)
    same = {**DATA, "no_cache": True, "source_image_id": str(uuid4()), "title": " 雷鳴の王子 "}

    assert key_of(same, None, "v1", UUID(int=2)) == first
    assert first.owner is None


async def test_the_same_request_is_drawn_once_and_given_to_everybody(easel: Easel, owner: Any) -> None:
    first = await easel.result()
    second = await easel.draw(user_id=await easel.user())

    assert (second.status, second["status_reason"], second.version) == ("completed", "cache_hit", 3)
    assert len(easel.brush.keys) == 1
    rows = await owner.fetch("SELECT sha256, cached, user_id FROM generated_images ORDER BY created_at")
    assert [(row["sha256"], row["cached"]) for row in rows] == [(first["sha256"], False), (first["sha256"], True)]
    assert len({row["user_id"] for row in rows}) == 2
    usage = await owner.fetch("SELECT image_count, success_count FROM usage_stats")
    assert [tuple(row) for row in usage] == [(1, 1), (1, 1)]


async def test_no_cache_draws_again_and_renews_the_row(easel: Easel, owner: Any) -> None:
    await easel.result()
    before = await owner.fetchval("SELECT expires_at FROM image_cache")

    again = await easel.result(no_cache=True)

    assert (again["cached"], len(easel.brush.keys)) == (False, 2)
    rows = await owner.fetch("SELECT expires_at FROM image_cache")
    assert len(rows) == 1
    assert rows[0][0] > before


async def test_an_expired_row_is_drawn_again_and_replaced(easel: Easel, owner: Any) -> None:
    await easel.result()
    await owner.execute("UPDATE image_cache SET expires_at = now()")

    again = await easel.result()

    assert (again["cached"], len(easel.brush.keys)) == (False, 2)
    assert await owner.fetchval("SELECT expires_at > now() + interval '6 days' FROM image_cache")


@pytest.mark.parametrize("harm", ["gone", "altered"])
async def test_a_file_that_is_gone_or_altered_is_drawn_again(
    easel: Easel, owner: Any, tmp_path: Path, harm: str
) -> None:
    result = await easel.result()
    before = await owner.fetchval("SELECT created_at FROM image_cache")
    path = paths.image_file("default", result["sha256"])
    file = tmp_path / "files" / paths.key_of(path)
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(png(0))

    again = await easel.result()

    assert (again["cached"], again["sha256"]) == (False, result["sha256"])
    assert await easel.store.read_all(path, sha256=result["sha256"])
    assert await owner.fetchval("SELECT created_at FROM image_cache") > before


async def test_two_workers_with_one_key_both_complete(easel: Easel, owner: Any) -> None:
    easel.brush.gate = asyncio.Event()
    attempts = await easel.claim(await easel.submit(), await easel.submit())
    both = asyncio.gather(*(easel.desk.run(attempt) for attempt in attempts))
    async with asyncio.timeout(10):
        while len(easel.brush.keys) < 2:  # noqa: ASYNC110 - a brush tells only its first stroke
            await asyncio.sleep(0.01)
    easel.brush.gate.set()
    await both

    assert [(await easel.now(attempt.job)).status for attempt in attempts] == ["completed", "completed"]
    counts = "SELECT (SELECT count(*) FROM image_cache), (SELECT count(*) FROM generated_images)"
    assert tuple(await owner.fetchrow(counts)) == (1, 2)


async def test_a_private_picture_is_its_owners_alone(easel: Easel, owner: Any) -> None:
    other, source = await easel.user(), uuid4()
    for user in (easel.user_id, other):
        await easel.store.put(paths.image_source("default", user, source), png(5))

    mine = await easel.draw(source_image_id=source)
    theirs = await easel.draw(user_id=other, source_image_id=source)
    mine_again = await easel.draw(source_image_id=source)

    assert [job["status_reason"] for job in (mine, theirs, mine_again)] == ["completed", "completed", "cache_hit"]
    assert easel.brush.sources == [png(5), png(5)]
    rows = await owner.fetch("SELECT user_id FROM image_cache")
    assert {row[0] for row in rows} == {easel.user_id, other}


async def test_nobody_draws_from_anothers_upload(easel: Easel) -> None:
    other, source = await easel.user(), uuid4()
    await easel.store.put(paths.image_source("default", other, source), png(5))

    job = await easel.draw(source_image_id=source)

    assert (job.status, job["error_code"], easel.brush.sources) == ("failed", "SOURCE_INVALID", [])


async def test_the_file_of_a_row_that_is_nearly_over_is_young_again(easel: Easel, owner: Any, tmp_path: Path) -> None:
    result = await easel.result()
    file = tmp_path / "files" / paths.key_of(paths.image_file("default", result["sha256"]))
    old = time.time() - 90_000
    os.utime(file, (old, old))
    await owner.execute("UPDATE image_cache SET expires_at = now() + interval '1 minute'")

    again = await easel.result()

    assert (again["cached"], file.stat().st_mtime > old + 80_000) == (True, True)
