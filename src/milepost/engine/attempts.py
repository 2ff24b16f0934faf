"""The attempts of one worker process: claimed in groups, run one by one, renewed, timed out, ended by a transition."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from milepost.db.tenants import TenantDatabase
from milepost.domain import decide
from milepost.domain.bell import Bell
from milepost.domain.errors import EffectRefused, IllegalTransition, JobNotFound, RowRefused, StaleVersion, Unavailable
from milepost.domain.outcome import Done, Failed, Outcome
from milepost.domain.transition import Transition
from milepost.engine.attempt import Attempt, Claimed, Workshop
from milepost.engine.context import Context
from milepost.engine.handling import handled
from milepost.engine.kind import Kind
from milepost.engine.read_job import read_job
from milepost.engine.transit import bell_after, transit
from milepost.ownership import house_task

logger = logging.getLogger("milepost.attempts")

TENANT_PAUSE = timedelta(seconds=1)
TRIES = 3


class Attempts:
    """The desk of a worker: knows what bells mean and what is running."""

    def __init__(self, workshop: Workshop) -> None:
        self._shop = workshop
        self._actor = f"worker:{workshop.worker}"
        self._ports = MappingProxyType(workshop.ports)  # of all handlers: none takes one away from the others
        self._running: set[Attempt] = set()
        self._burials: set[asyncio.Task[None]] = set()
        self.counts: Counter[str] = Counter()

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
            attempt = Attempt(bells.pop(job.id), job, kind, handler, database, worker, began)
            self._running.add(attempt)
            claimed.attempts.append(attempt)
        claimed.later.extend((bells.pop(job_id), due) for job_id, due in claims.later if job_id in bells)
        claimed.gone.extend(bells.values())
        self.counts["claimed"] += len(claims.jobs)
        self.counts["bell_without_job"] += len(bells)

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
                await self._end_surely(attempt, outcome)
        finally:
            self._running.discard(attempt)

    def _decide(self, attempt: Attempt, outcome: Outcome) -> Transition:
        machine, job = attempt.kind.machine, attempt.job
        if isinstance(outcome, Done):  # the common case needs neither clock nor chance
            return decide.succeeded(machine, job, outcome, actor=self._actor)
        return decide.after_attempt(
            machine, attempt.kind.policy, job, outcome,
            actor=self._actor, now=attempt.now(), chance=self._shop.chance(),
        )  # fmt: skip

    async def _end_surely(self, attempt: Attempt, outcome: Outcome) -> None:
        try:
            await self._end(attempt, outcome)
        except Exception:
            # the lease will end and the job be rescued: nothing is lost but time
            logger.exception("attempt of %s could not be ended", attempt.job)
            self.counts["end_failed"] += 1

    async def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        """Applies the outcome; decides again where a cancel request came in between."""
        for _ in range(TRIES):
            try:
                wanted = self._decide(attempt, outcome)
                moved = await transit(attempt.database, attempt.kind, attempt.job, wanted)
            except StaleVersion:
                if await self._is_still_ours(attempt):
                    continue
                self.counts["rejected"] += 1
                logger.warning("late result of %s rejected: somebody else changed the job", attempt.job)
                return
            except (RowRefused, EffectRefused, IllegalTransition) as error:
                logger.warning("result of %s refused: %s", attempt.job, error)
                # what the attempt used is kept, unless that is what was refused
                kept: Mapping[str, Any] = {} if isinstance(outcome, Failed) else attempt.kept
                outcome = Failed("RESULT_REFUSED", f"The result could not be stored: {error}", columns=kept)
                continue
            self.counts[wanted.edge.reason] += 1
            if moved.due_at is not None:
                await self._shop.ringer.ring([bell_after(attempt.database, attempt.kind, attempt.job, moved)])
            return
        self.counts["end_failed"] += 1
        logger.error("attempt of %s could not be ended as %s", attempt.job, type(outcome).__name__)

    async def _is_still_ours(self, attempt: Attempt) -> bool:
        """Reads the job again after a refused write. True: the same attempt holds it, and something did change.

        A cancel request came in between, or a step to the next running status whose answer the attempt did not hear.
        """
        known = attempt.job
        try:
            attempt.job = job = await read_job(attempt.database, attempt.kind.table, known.id)
        except JobNotFound:  # it ended in other hands, and was deleted since
            return False
        # the time of the claim tells attempts apart: their numbers begin anew with an explicit retry
        ours = job.lease_owner == attempt.worker and job.claimed_at == known.claimed_at
        return ours and (job.version, job.cancel_requested_at) != (known.version, known.cancel_requested_at)

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
        except (Unavailable, TimeoutError):
            logger.warning("leases of %d %s not renewed: the database does not answer", len(held), kind.path)
            self._give_up(held, length)
            return
        beats = {(beat.job_id, beat.version): beat for beat in renewed}
        for attempt, pair in zip(held, pairs, strict=True):
            beat = beats.get(pair)
            if beat is not None:
                attempt.renewed = sent
                if beat.cancel_requested:
                    attempt.stop("cancel")
            elif attempt.job.version == pair[1] and not attempt.moving:
                attempt.stop("lost")

    def _give_up(self, held: list[Attempt], length: float) -> None:
        """Ends what must have lost its lease by now: another worker may have begun it."""
        now = time.monotonic()
        for attempt in held:
            if now - attempt.renewed > length:
                attempt.stop("lost")

    def tick(self) -> None:
        """Stops attempts over their time, and buries those that were asked to stop and did not."""
        now = time.monotonic()
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
            task = house_task(self._end_surely(attempt, outcome))
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
