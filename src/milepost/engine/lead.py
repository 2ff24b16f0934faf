"""Who of several maintenance processes does a tenant's duties: a lease row with a term, and our own clock's caution."""

from __future__ import annotations

import time

from milepost.db import leaders
from milepost.db.tenants import TenantDatabase


class Lead:
    """One process's claim to a duty of one tenant. Nothing rests on it alone: every duty is safe to do twice."""

    def __init__(self, database: TenantDatabase, duty: str, holder: str, *, seconds: float = 6.0) -> None:
        self.seconds = seconds
        self.term: int | None = None
        self._database = database
        self._duty = duty
        self._holder = holder
        self._until = 0.0

    @property
    def leads(self) -> bool:
        """Counted from before the last renewal was sent, so that it ends here before it ends in the database."""
        return self.term is not None and time.monotonic() < self._until

    async def hold(self) -> bool:
        """Renews our term or begins one. False: somebody else leads. Raises Unavailable."""
        sent = time.monotonic()
        if self.term is not None and not await leaders.renew(
            self._database, self._duty, self._holder, self.term, self.seconds
        ):
            self.term = None
        if self.term is None:
            self.term = await leaders.take(self._database, self._duty, self._holder, self.seconds)
        if self.term is not None:
            self._until = sent + self.seconds
        return self.term is not None

    async def release(self) -> None:
        """Lets another process take over at once."""
        if self.term is not None:
            await leaders.release(self._database, self._duty, self._holder, self.term)
            self.term = None
