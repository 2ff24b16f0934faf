"""What only a local folder can get wrong: links, unfinished files, folders that vanish between two steps."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from milepost.storage import InvalidPath, StoreRefused, local_store
from milepost.storage.folder import PARTIAL

PATH = "storage/acme/executions/e/a/1"


async def test_a_link_is_not_followed_out_of_the_store(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("not for you")
    store = local_store(tmp_path / "store")
    (tmp_path / "store" / "acme").symlink_to(outside)

    with pytest.raises(InvalidPath):
        await store.read_all("storage/acme/secret")
    with pytest.raises(InvalidPath):
        await store.put("storage/acme/new", b"x")

    assert sorted(path.name for path in outside.iterdir()) == ["secret"]


async def test_the_store_itself_may_lie_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = local_store(tmp_path / "link")

    await store.put(PATH, b"x")

    assert await store.read_all(PATH) == b"x"


async def test_an_unfinished_file_is_listed_for_the_sweep_and_readable_for_nobody(tmp_path: Path) -> None:
    store = local_store(tmp_path)
    left = tmp_path / "acme" / "executions" / "e" / f"{PARTIAL}0123"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")

    (found,) = [found async for found in store.list()]
    with pytest.raises(InvalidPath):
        await store.read_all(found.path)
    await store.discard(found)

    assert not left.exists()


async def test_putting_and_deleting_neighbours_at_once_loses_no_file(tmp_path: Path) -> None:
    store = local_store(tmp_path)

    async def come_and_go(number: int) -> None:
        for round_ in range(10):
            path = f"storage/acme/executions/e/a/{number}-{round_}"
            await store.put(path, b"x")
            await store.delete(path)

    await asyncio.gather(*(come_and_go(number) for number in range(8)))

    assert [found async for found in store.list()] == []


async def test_only_one_of_two_uploads_to_one_name_wins(tmp_path: Path) -> None:
    store = local_store(tmp_path)

    results = await asyncio.gather(
        *(store.put(PATH, str(number).encode()) for number in range(5)), return_exceptions=True
    )

    won = [number for number, result in enumerate(results) if not isinstance(result, Exception)]
    assert len(won) == 1
    assert await store.read_all(PATH) == str(won[0]).encode()
    assert _files_in(tmp_path) == ["1"]


async def test_a_cancelled_upload_leaves_nothing(tmp_path: Path) -> None:
    store, begun = local_store(tmp_path), asyncio.Event()

    async def endless():
        yield b"x"
        begun.set()
        await asyncio.Event().wait()

    upload = asyncio.create_task(store.put(PATH, endless()))
    await begun.wait()
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload

    assert _files_in(tmp_path) == []


async def test_a_file_in_the_place_of_a_folder_is_a_refusal_that_names_it(tmp_path: Path) -> None:
    store = local_store(tmp_path)
    (tmp_path / "acme").write_text("in the way")

    with pytest.raises(StoreRefused, match=PATH):
        await store.put(PATH, b"x")


def _files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]
