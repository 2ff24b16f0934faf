"""Bytes on their way into the store: counted, hashed and bounded while they pass."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterable, AsyncIterator

from milepost.storage.errors import FileTooLarge
from milepost.storage.stored import Stored


class Intake:
    """Iterate it to write; ask `stored` when it is through."""

    def __init__(self, path: str, content: AsyncIterable[bytes] | bytes, limit: int | None) -> None:
        self.path = path
        self.failure: Exception | None = None
        self._content = content
        self._limit = limit
        self._size = 0
        self._hash = hashlib.sha256()

    @property
    def stored(self) -> Stored:
        return Stored(self.path, self._size, self._hash.hexdigest())

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in _chunks(self._content):
                self._take(chunk)
                yield chunk
        except Exception as error:
            # The store that reads from us wraps what we raise into an error of its own; this is the cause.
            self.failure = error
            raise

    def _take(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._limit is not None and self._size > self._limit:
            raise FileTooLarge(path=self.path, limit=self._limit)
        self._hash.update(chunk)


async def _chunks(content: AsyncIterable[bytes] | bytes) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        if content:
            yield content
        return
    async for chunk in content:
        if chunk:
            yield chunk
