"""What every store promises: whole files or none, written once, read with their digest checked."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from milepost.storage import AlreadyStored, DigestMismatch, FileTooLarge, InvalidPath, NoSuchFile, Store

FreshPath = Callable[[], str]


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize("data", [b"", b"x", b"hello " * 1000], ids=["empty", "one byte", "6 kB"])
async def test_what_was_put_is_read_back_with_its_size_and_digest(
    store: Store, fresh_path: FreshPath, data: bytes
) -> None:
    stored = await store.put(fresh_path(), data)

    assert (stored.size, stored.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert await store.read_all(stored.path, sha256=stored.sha256) == data
    assert (await store.stat(stored.path)).size == len(data)
    assert await store.digest(stored.path) == stored


async def test_a_streamed_file_larger_than_one_part_is_stored_whole(store: Store, fresh_path: FreshPath) -> None:
    parts = [bytes([number]) * (1 << 20) for number in range(12)]

    stored = await store.put(fresh_path(), chunks(*parts))

    assert stored.size == 12 << 20
    assert hashlib.sha256(b"".join(parts)).hexdigest() == stored.sha256
    assert await store.read_all(stored.path, sha256=stored.sha256) == b"".join(parts)


async def test_a_stored_file_is_never_written_again(store: Store, fresh_path: FreshPath) -> None:
    path = fresh_path()
    await store.put(path, b"first")

    with pytest.raises(AlreadyStored):
        await store.put(path, b"second")

    assert await store.read_all(path) == b"first"


@pytest.mark.parametrize("size", [101, 6 << 20], ids=["small", "in parts"])
async def test_a_file_over_the_limit_leaves_nothing_behind(store: Store, fresh_path: FreshPath, size: int) -> None:
    path, limit = fresh_path(), size - 1

    with pytest.raises(FileTooLarge):
        await store.put(path, chunks(b"x" * (size - 1), b"x"), limit=limit)

    with pytest.raises(NoSuchFile):
        await store.stat(path)
    assert [found async for found in store.list()] == []
    assert (await store.put(fresh_path(), b"x" * limit, limit=limit)).size == limit


@pytest.mark.parametrize("before", [10, 6 << 20], ids=["small", "in parts"])
async def test_an_upload_that_breaks_off_raises_its_own_error_and_leaves_nothing(
    store: Store, fresh_path: FreshPath, before: int
) -> None:
    class HungUpError(Exception):
        pass

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * before
        raise HungUpError

    with pytest.raises(HungUpError):
        await store.put(fresh_path(), broken())

    assert [found async for found in store.list()] == []


async def test_a_changed_file_is_found_by_its_digest(store: Store, fresh_path: FreshPath) -> None:
    stored = await store.put(fresh_path(), b"as it was")

    with pytest.raises(DigestMismatch):
        await store.read_all(stored.path, sha256="0" * 64)


async def test_a_range_ends_before_its_end(store: Store, fresh_path: FreshPath) -> None:
    path = (await store.put(fresh_path(), b"0123456789")).path

    async def part(start: int = 0, end: int | None = None) -> bytes:
        return b"".join([chunk async for chunk in store.read(path, start=start, end=end)])

    assert await part(start=2, end=5) == b"234"
    assert await part(end=3) == b"012"
    assert await part(start=8) == b"89"
    assert await part(start=4, end=4) == b""


async def test_deleting_twice_is_no_error(store: Store, fresh_path: FreshPath) -> None:
    path = (await store.put(fresh_path(), b"gone soon")).path

    await store.delete(path)
    await store.delete(path)

    with pytest.raises(NoSuchFile):
        await store.read_all(path)


async def test_listing_knows_folders_from_prefixes_and_old_from_new(store: Store) -> None:
    mine = [(await store.put(f"storage/acme/executions/e/a/{number}", b"x")).path for number in range(5)]
    await store.put("storage/acme2/executions/e/a/1", b"x")
    soon = datetime.now(UTC) + timedelta(minutes=1)
    long_ago = soon - timedelta(days=1)

    assert sorted([found.path async for found in store.list("storage/acme/")]) == mine
    assert len([found async for found in store.list(older_than=soon)]) == 6
    assert [found async for found in store.list(older_than=long_ago)] == []


async def test_what_the_sweep_saw_it_can_remove(store: Store, fresh_path: FreshPath) -> None:
    await store.put(fresh_path(), b"x")
    (found,) = [found async for found in store.list()]

    await store.discard(found)
    await store.discard(found)

    assert [found async for found in store.list()] == []


async def test_no_operation_takes_a_path_that_leaves_the_store(store: Store) -> None:
    for operation in (store.stat, store.delete, store.read_all, store.digest):
        with pytest.raises(InvalidPath):
            await operation("storage/acme/../../etc/passwd")
    with pytest.raises(InvalidPath):
        await store.put("storage/../x", b"")
