"""Writing into a local folder so that a name appears only with all its bytes on disk, even if the machine dies."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path

from milepost.storage.errors import AlreadyStored, InvalidPath
from milepost.storage.intake import Intake

PARTIAL = ".part-"  # begins a name that no path can have, so an unfinished file is never read, only swept

_TRIES = 5


async def write(root: Path, key: str, intake: Intake, *, replace: bool = False) -> None:
    """Temporary name, flush, into place. Raises `AlreadyStored` and leaves the older file alone, unless `replace`."""
    final = root / key
    await asyncio.to_thread(stay_inside, root, key)
    descriptor, partial = await asyncio.to_thread(_open_partial, final)
    try:
        async for chunk in intake:
            await asyncio.to_thread(_write_all, descriptor, chunk)
        await asyncio.to_thread(_put_in_place, descriptor, partial, final, root, replace)
    except FileExistsError as error:
        raise AlreadyStored(path=intake.path) from error
    finally:
        os.close(descriptor)
        partial.unlink(missing_ok=True)


def _open_partial(final: Path) -> tuple[int, Path]:
    partial = final.with_name(f"{PARTIAL}{secrets.token_hex(8)}")
    for attempt in range(_TRIES):
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            return os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640), partial
        except FileNotFoundError:
            # A delete of the last other file removed the empty folder between the two calls.
            if attempt == _TRIES - 1:
                raise
    raise AssertionError


def _write_all(descriptor: int, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        left = left[os.write(descriptor, left) :]


def _put_in_place(descriptor: int, partial: Path, final: Path, root: Path, replace: bool) -> None:  # noqa: FBT001
    os.fsync(descriptor)
    if replace:
        partial.replace(final)
    else:
        os.link(partial, final)  # unlike a rename, a link never replaces what is there
    for folder in final.parents:
        _flush_names(folder)  # each may be new, and a file is found only if every name on its way is on disk
        if folder == root:
            return


def _flush_names(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def stay_inside(root: Path, key: str) -> None:
    """Raises `InvalidPath` if a link on the way would lead out of the folder. `root` is resolved already."""
    if (root / key).resolve() != root / key:
        raise InvalidPath(path=key, problem="a link stands on its way")
