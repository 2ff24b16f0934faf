"""The port between the queue and whoever works the jobs: the queue brings bells, the desk knows what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from milepost.domain.bell import Bell


class Attempt(Protocol):
    """One claimed job being worked on."""

    @property
    def bell(self) -> Bell: ...


class Claimed(Protocol):
    """What became of a group of bells: begun, out of date, or not due yet."""

    @property
    def attempts(self) -> Sequence[Any]: ...
    @property
    def gone(self) -> Sequence[Bell]: ...
    @property
    def later(self) -> Sequence[tuple[Bell, datetime]]: ...


class Desk(Protocol):
    """Claims jobs in the database and runs their attempts."""

    @property
    def kinds(self) -> Sequence[str]: ...

    async def claim(self, kind: str, bells: Sequence[Bell]) -> Claimed:
        """Begins an attempt for each bell that is true and due. Raises when no database answers."""
        ...

    async def run(self, attempt: Any) -> None:
        """Works an attempt to its end, whatever that is. Its `task` is set before. Never raises."""
        ...

    async def beat(self) -> None:
        """Renews all leases, delivers cancel requests, drops attempts that were lost."""
        ...

    def tick(self) -> None:
        """Stops attempts that ran out of time."""
        ...

    async def hand_back(self) -> None:
        """Stops all running attempts and returns their jobs, with no attempt used up."""
        ...
