"""The attempts of one worker process: claimed in groups, run one by one, renewed, timed out, ended by a transition."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from milepost.db.tenants import TenantDatabase
from milepost.domain.bell import Bell
from milepost.domain.job import Job
from milepost.engine.attempt import Attempt, Claimed, Workshop
from milepost.engine.context import Context
from milepost.engine.ending import Endings
from milepost.engine.handling import handled
from milepost.engine.kind import Kind
from milepost.engine.seldom import Seldom
from milepost.engine.winning import win_back
from milepost.ownership import house_task

logger = logging.getLogger("milepost.attempts")

TENANT_PAUSE = timedelta(seconds=1)


class Attempts:
    """The desk of a worker: knows what bells mean and what is running."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._ports = MappingProxyType(workshop.ports)  # of all handlers: none takes one away from the others
        self._running: set[Attempt] = set()
        self._burials: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()
        self._endings = Endings(workshop, f"worker:{workshop.worker}", self.counts)
        self._told = Seldom(logger)

    @property
    def held(self) -> int:
        """How many results wait for their database."""
        return self._endings.held

    @property
    def kinds(self) -> Sequence[str]:
        return tuple(self._shop.handlers)

    async def claim(self, kind: str, bells: Sequence[Bell]) -> Claimed:
        """One statement per tenant. Raises Unavailable when no database answers."""
        claimed = Claimed([], [], [])
        by_tenant: dict[str, dict[UUID, Bell]] = defaultdict(dict)
        for bell in bells:
            wanted = by_tenant[bell.tenant]
            other = wanted.get(bell.job_id)
            if other is None or bell.version > other.version:
                wanted[bell.job_id] = bell
            if other is not None:  # doubled or out of date: one bell per job will do
                claimed.gone.append(min(bell, other, key=lambda one: one.version))
        for tenant, wanted in by_tenant.items():
            try:
                await self._claim(tenant, self._shop.kinds[kind], wanted, claimed)
            except Exception:
                if len(by_tenant) == 1:
                    raise
                # what is wrong with one tenant's database delays no other tenant, and loses nothing already claimed
                logger.exception("jobs of tenant %s could not be claimed", tenant)
                again = datetime.now(UTC) + TENANT_PAUSE  # noqa: TID251 - when to look again, not what is true
                claimed.later.extend((bell, again) for bell in wanted.values())
        return claimed

    async def _claim(self, tenant: str, kind: Kind, bells: dict[UUID, Bell], claimed: Claimed) -> None:
        try:
            database = await self._shop.databases(tenant)
        except KeyError:
            claimed.gone.extend(bells.values())
            self.counts["bell_of_unknown_tenant"] += len(bells)
            return
        handler = self._shop.handlers[kind.name]
        worker, lease = self._shop.worker, kind.policy.lease.length.total_seconds()
        began = time.monotonic()
        wanted = [(bell.job_id, bell.version) for bell in bells.values()]
        claims = await database.ledger.claim(kind.table, wanted, worker, lease)
        for job in claims.jobs:
            if job.attempt > 1 and self._adopted(job):
                continue  # its bell is gone with those that led to nothing
            attempt = Attempt(bells.pop(job.id), job, kind, handler, database, worker, began)
            self._running.add(attempt)
            claimed.attempts.append(attempt)
        claimed.later.extend((bells.pop(job_id), due) for job_id, due in claims.later if job_id in bells)
        claimed.gone.extend(bells.values())
        self.counts["claimed"] += len(claims.jobs)
        self.counts["bell_without_job"] += len(bells)

    def _adopted(self, job: Job) -> bool:
        """Whether an attempt of ours was at the job before its lease ended for the server's fault, and goes on with it."""
        for attempt in self._running:
            if attempt.job.id == job.id and attempt.troubled and attempt.winnable and attempt.stopping is None:
                if attempt.job.version == job.version - 2:
                    attempt.adopt(job)
                return attempt.job.version == job.version
        return False

    async def run(self, attempt: Attempt) -> None:
        """Handler, outcome, transition. Never raises."""
        attempt.task = attempt.task or asyncio.current_task()
        if attempt.stopping is None:
            outcome = await handled(attempt, Context(attempt, self._ports))
        else:
            outcome = attempt.stopped()
        try:
            if attempt.ending:
                return  # it was buried: what its handler says now is dropped
            attempt.ending = True
            if outcome is None:
                self._count_lost(attempt)
            else:
                await self._endings.end(attempt, outcome)
        finally:
            self._running.discard(attempt)

    async def beat(self) -> None:
        """Renews all leases, one statement per tenant and kind, and tells handlers who was asked to stop or is lost."""
        groups: dict[tuple[TenantDatabase, Kind], list[Attempt]] = defaultdict(list)
        for attempt in self._running:  # those that are ending too: their last write may have to wait
            groups[attempt.database, attempt.kind].append(attempt)
        await asyncio.gather(*(self._beat(database, kind, held) for (database, kind), held in groups.items()))

    async def _beat(self, database: TenantDatabase, kind: Kind, held: list[Attempt]) -> None:
        length = kind.policy.lease.length.total_seconds()
        pairs = [(attempt.job.id, attempt.job.version) for attempt in held]
        sent = time.monotonic()
        try:
            async with asyncio.timeout(length / 2):
                renewed = await database.ledger.beat(kind.table, pairs, self._shop.worker, length)
        except Exception as error:  # noqa: BLE001 - what is not the server's fault is raised there
            self._not_renewed(database, kind, held, error, sent)
            return
        if self._told.over():
            logger.warning("leases are renewed again")
        beats = {(beat.job_id, beat.version): beat for beat in renewed}
        missed: list[Attempt] = []
        for attempt, pair in zip(held, pairs, strict=True):
            beat = beats.get(pair)
            if beat is not None:
                attempt.renewed, attempt.fault = sent, None
                if beat.cancel_requested:
                    attempt.stop("cancel")
            elif attempt.job.version == pair[1] and not attempt.moving:
                missed.append(attempt)
        await asyncio.gather(*map(self._missed, missed))

    async def _missed(self, attempt: Attempt) -> None:
        if not attempt.ending and not await win_back(attempt):
            attempt.stop("lost")

    def _not_renewed(
        self, database: TenantDatabase, kind: Kind, held: list[Attempt], error: Exception, sent: float
    ) -> None:
        """Where the server is silent, ends what must have lost its lease by now: another worker may have begun it.

        Where the server itself says what is wrong with it, nobody can begin anything, and the work goes on.
        """
        last = database.connections.trouble if isinstance(error, TimeoutError) else None
        fault = last or database.connections.fault_of(error)
        if fault is None:
            raise error
        self._told.tell(
            (database, kind), logging.WARNING, "leases of %d %s not renewed: %s %s", len(held), kind.path, fault, fault.hint or ""
        )  # fmt: skip
        now = time.monotonic()
        silent = not fault.data.get("code") and database.connections.answered_at < sent
        for attempt in held:
            attempt.trouble(fault)
            if silent and now - attempt.renewed > attempt.lease_seconds:
                attempt.stop("lost")

    def tick(self) -> None:
        """Stops attempts over their time, and buries those that were asked to stop and did not."""
        now = time.monotonic()
        self._endings.tell()
        for attempt in list(self._running):
            if attempt.ending:
                continue
            if attempt.stopping is None:
                if attempt.until <= now:
                    attempt.stop("timeout")
            elif now - attempt.stopped_at > attempt.kind.policy.lease.cancel_grace.total_seconds():
                self._bury(attempt)

    def _bury(self, attempt: Attempt) -> None:
        """Ends the attempt over the head of a handler that hears nothing; what it returns later is dropped.

        It keeps its slot until it ends: what it holds is really in use.
        """
        attempt.ending = True
        self.counts["abandoned"] += 1
        logger.error("handler of %s ignores its stop (%s) and is abandoned", attempt.job, attempt.stopping)
        outcome = attempt.stopped()
        if outcome is None:
            self._count_lost(attempt)
        else:
            task = house_task(self._endings.end(attempt, outcome))
            self._burials.add(task)
            task.add_done_callback(self._burials.discard)
        self._running.discard(attempt)

    async def hand_back(self) -> None:
        """Stops all running attempts; each ends with the edge that uses up no attempt."""
        held = list(self._running)
        for attempt in held:
            attempt.stop("hand_back")
        tasks = {attempt.task for attempt in held if attempt.task is not None and not attempt.task.done()}
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=5)
            for attempt in [a for a in held if a.task in stuck and not a.ending]:
                self._bury(attempt)
        if self._burials:
            await asyncio.wait(self._burials, timeout=5)

    def _count_lost(self, attempt: Attempt) -> None:
        """The job is another worker's: what this attempt did is dropped before it is written."""
        self.counts["lost"] += 1
        logger.warning("attempt of %s dropped: the job is no longer this worker's", attempt.job)
