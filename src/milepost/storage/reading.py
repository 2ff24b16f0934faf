"""Files on their way out: chunks that break off rather than hand out wrong bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from milepost.storage.errors import StoreRefused


class BrokenOff(Exception):
    """The bytes turned out wrong or unreadable when some had been sent: the answer ends short, so that it shows."""


async def joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    try:
        async for chunk in rest:
            yield chunk
    except StoreRefused as error:
        raise BrokenOff(str(error)) from error


async def held_back(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """One chunk late: the last goes out only when the digest of all was right."""
    held = b""
    async for chunk in chunks:
        if held:
            yield held
        held = chunk
    if held:
        yield held
