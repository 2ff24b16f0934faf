"""Rings again for waiting jobs that Redis does not know, with bounded work however long the queue is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from milepost.db import sweeps
from milepost.db.sweeps import BEGINNING, Place, Waiting
from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell
from milepost.domain.errors import Unavailable
from milepost.engine.kind import Kind
from milepost.engine.ports import Doorbell

logger = logging.getLogger("milepost.maintenance")

OVERLAP = timedelta(seconds=15)
PAGES_WHEN_MISSING = 20


class Reconcile:
    """Of one kind of one tenant. Each tick looks at three places in the queue.

    They are: the oldest due jobs, those that became due since the last tick, and the next page of a walk round the
    rest. Where that page has gaps the walk goes on at once. When Redis was emptied or restarted, all is walked.
    """

    def __init__(self, database: TenantDatabase, kind: Kind, doorbell: Doorbell, *, page: int = 2000) -> None:
        self._database = database
        self._kind = kind
        self._doorbell = doorbell
        self._page = page
        self._place = BEGINNING
        self._since: datetime | None = None

    async def tick(self) -> int:
        """How many bells were rung again. Raises Unavailable when Redis or the database does not answer."""
        rung = await self._recall()
        oldest = await self._next(BEGINNING)
        rung += await self._ring_missing(oldest)
        if len(oldest) < self._page:  # that was the whole queue
            self._place, self._since = BEGINNING, None
            return rung
        rung += await self._recent(oldest[0].asked_at)
        return rung + await self._walk_on(oldest[-1].place)

    async def _recall(self) -> int:
        """The whole walk, jobs of the future included, when bells may have been forgotten."""
        scope = f"{self._database.name}:{self._kind.name}"
        token = await self._doorbell.begin_recall(scope)
        if token is None:
            return 0
        rung, place = 0, BEGINNING
        while True:
            page = await self._next(place, due=False)
            rung += await self._ring_missing(page)
            if len(page) < self._page:
                break
            place = page[-1].place
        if not await self._doorbell.end_recall(scope, token):
            logger.warning("Redis forgot bells of %s while they were rung again; once more", scope)
        if rung:
            logger.info("Redis had forgotten %d bells of %s; all were rung again", rung, scope)
        return rung

    async def _recent(self, now: datetime) -> int:
        since = (self._since or now) - OVERLAP
        self._since = now
        sql = sweeps.waiting_since(self._kind.table)
        return await self._ring_missing(await sweeps.fetch_waiting(self._database, sql, since, self._page))

    async def _walk_on(self, oldest: Place) -> int:
        rung, place = 0, max(self._place, oldest)
        for _ in range(PAGES_WHEN_MISSING):
            page = await self._next(place)
            missing = await self._ring_missing(page)
            rung += missing
            place = page[-1].place if len(page) == self._page else BEGINNING
            if not missing or place is BEGINNING:
                break
        self._place = place
        return rung

    async def _next(self, place: Place, *, due: bool = True) -> list[Waiting]:
        sql = sweeps.waiting_after(self._kind.table, due=due)
        return await sweeps.fetch_waiting(self._database, sql, *place, self._page)

    async def _ring_missing(self, page: Sequence[Waiting]) -> int:
        bells = [self._bell(job) for job in page]
        if not bells:
            return 0
        known = await self._doorbell.known(bells)
        missing = [bell for bell, there in zip(bells, known, strict=True) if not there]
        await self._deliver(missing)
        return len(missing)

    async def _deliver(self, bells: Sequence[Bell]) -> None:
        if bells and not await self._doorbell.deliver(bells):
            raise Unavailable(server="Redis")

    def _bell(self, job: Waiting) -> Bell:
        return Bell(self._database.name, self._kind.name, job.id, job.version, job.priority, job.scheduled_at)
