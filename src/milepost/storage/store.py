"""The store over obstore: put whole files once, read them with their digest checked, list them for the sweep."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore

from milepost.storage import folder, paths
from milepost.storage.errors import AlreadyStored, DigestMismatch, NoSuchFile, StoreRefused
from milepost.storage.intake import Intake
from milepost.storage.stored import Stat, Stored

if TYPE_CHECKING:
    from collections.abc import Generator

    from obstore import ObjectMeta

CHUNK = 1 << 20


class Writer(Protocol):
    """Puts the bytes under a key, or leaves no trace."""

    async def __call__(self, key: str, intake: Intake, *, replace: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Store:
    """Paths begin with `storage/`. Every failure is a `StoreRefused` or one of its children."""

    _objects: ObjectStore
    _write: Writer
    _root: Path | None = None

    async def put(
        self, path: str, content: AsyncIterable[bytes] | bytes, *, limit: int | None = None, replace: bool = False
    ) -> Stored:
        """Write a file, whole or not at all. Raises `FileTooLarge`, `AlreadyStored`, `InvalidPath`.

        `replace` is for files that are named by their content: the same bytes once more.
        """
        key = paths.key_of(path)
        intake = Intake(path, content, limit)
        try:
            with _refusals(path):
                await self._write(key, intake, replace=replace)
        except StoreRefused:
            if intake.failure is not None:
                raise intake.failure from None
            raise
        return intake.stored

    async def read(
        self, path: str, *, sha256: str | None = None, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The bytes from `start` up to, without, `end`.

        With `sha256` the file must be read whole: `DigestMismatch` comes after the last chunk, so trust nothing before
        the end. Raises `NoSuchFile` at the first chunk.
        """
        key = await self._key(path)
        digest = hashlib.sha256() if sha256 is not None and start == 0 and end is None else None
        if end is not None and end <= start:
            return
        with _refusals(path):
            options: obstore.GetOptions = {"range": (start, end) if end is not None else {"offset": start}}
            found = await obstore.get_async(self._objects, key, options=options if start or end else None)
            async for chunk in found.stream(min_chunk_size=CHUNK):
                if digest is not None:
                    digest.update(chunk)
                yield bytes(chunk)
        if digest is not None and digest.hexdigest() != sha256:
            raise DigestMismatch(path=path, expected=sha256, found=digest.hexdigest())

    async def read_all(self, path: str, *, sha256: str | None = None) -> bytes:
        """A small file in one piece."""
        return b"".join([chunk async for chunk in self.read(path, sha256=sha256)])

    async def stat(self, path: str) -> Stat:
        """Raises `NoSuchFile`."""
        key = await self._key(path)
        with _refusals(path):
            return _stat(await obstore.head_async(self._objects, key))

    async def digest(self, path: str) -> Stored:
        """Size and SHA-256 of a file as it lies there, read to its end."""
        size, found = 0, hashlib.sha256()
        async for chunk in self.read(path):
            size += len(chunk)
            found.update(chunk)
        return Stored(path, size, found.hexdigest())

    async def delete(self, path: str) -> None:
        """Removing what is not there is no error: a clean-up that was interrupted runs again."""
        key = await self._key(path)
        with _refusals(path), suppress(FileNotFoundError):
            await obstore.delete_async(self._objects, key)

    async def list(self, prefix: str = paths.ROOT, *, older_than: datetime | None = None) -> AsyncGenerator[Stat, None]:
        """Every file below the folder `prefix`, unfinished ones too, last written before `older_than`."""
        below = prefix.removeprefix(paths.ROOT).rstrip("/")
        with _refusals(prefix):
            # Its overloads name arrow types that are not installed.
            async for batch in obstore.list(self._objects, below or None):  # pyright: ignore[reportUnknownMemberType]
                for found in batch:
                    if older_than is None or found["last_modified"] < older_than:
                        yield _stat(found)

    async def discard(self, found: Stat) -> None:
        """Remove a file that `list` showed, also one with an unfinished upload's name that no path can have."""
        with _refusals(found.path), suppress(FileNotFoundError):
            await obstore.delete_async(self._objects, found.path.removeprefix(paths.ROOT))

    async def _key(self, path: str) -> str:
        key = paths.key_of(path)
        if self._root is not None:
            await asyncio.to_thread(folder.stay_inside, self._root, key)
        return key


def local_store(root: Path) -> Store:
    """Files below `root`, which is made if it is missing."""
    root.mkdir(parents=True, exist_ok=True)
    root = root.resolve()

    async def write(key: str, intake: Intake, *, replace: bool) -> None:
        await folder.write(root, key, intake, replace=replace)

    return Store(LocalStore(root, automatic_cleanup=True), write, root)


def _stat(found: ObjectMeta) -> Stat:
    return Stat(paths.path_of(found["path"]), found["size"], found["last_modified"])


@contextmanager
def _refusals(path: str) -> Generator[None]:
    try:
        yield
    except StoreRefused:
        raise
    except FileNotFoundError as error:
        raise NoSuchFile(path=path) from error
    except AlreadyExistsError as error:
        raise AlreadyStored(path=path) from error
    except (BaseError, OSError) as error:
        raise StoreRefused(path=path, problem=str(error).partition("\n")[0][:500]) from error
