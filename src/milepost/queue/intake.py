"""From bells to running attempts: the desk claims a group, every attempt gets a task, the bells are settled."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from milepost.domain.bell import Bell
from milepost.queue.connection import REDIS_ERRORS
from milepost.queue.desk import Claimed, Desk
from milepost.queue.taking import Taken, Taker

logger = logging.getLogger("milepost.worker")

# how long bells rest that the database could not be asked about
AFTER_ERROR = 1.0
# bells of one claim: the fixed cost of a statement is shared, and while one group is claimed another is worked on
GROUP = 500


@dataclass(slots=True)
class Tally:
    """What a worker has seen since it started."""

    attempts: int = 0
    finished: int = 0
    gone: int = 0
    later: int = 0
    foreign: int = 0
    redis_errors: int = 0
    desk_errors: int = 0
    escaped: int = 0


class Intake:
    """Begins attempts and knows which are running."""

    def __init__(self, desk: Desk, taker: Taker) -> None:
        self.tally = Tally()
        self.running: set[asyncio.Task[None]] = set()
        self.freed = asyncio.Event()
        self._desk = desk
        self._taker = taker

    async def admit(self, taken: Taken) -> Exception | None:
        """Claims each kind's bells and starts the attempts. Answers an error of the desk, if any."""
        if taken.foreign:
            level = logging.DEBUG if self.tally.foreign else logging.WARNING
            logger.log(level, "%d bells that are not ours were left alone", taken.foreign)
            self.tally.foreign += taken.foreign
        groups = [
            self._admit(kind, bells[start : start + GROUP], taken.ids[kind][start : start + GROUP])
            for kind, bells in taken.bells.items()
            for start in range(0, len(bells), GROUP)
        ]
        if len(groups) == 1:
            return await groups[0]
        return next((error for error in await asyncio.gather(*groups) if error is not None), None)

    async def decline(self, taken: Taken) -> None:
        """Leaves the bells to other workers."""
        now = time.time()
        for kind, ids in taken.ids.items():
            await self._put_back(kind, [(raw, now) for raw in ids])

    async def _admit(self, kind: str, bells: list[Bell], ids: list[bytes]) -> Exception | None:
        try:
            claimed = await self._desk.claim(kind, bells)
        except Exception as error:  # noqa: BLE001 - whatever it is, the bells must not be lost and the worker goes on
            self.tally.desk_errors += 1
            again = time.time() + AFTER_ERROR
            await self._put_back(kind, [(raw, again) for raw in ids])
            return error
        self._start(claimed.attempts)
        self.tally.gone += len(claimed.gone)
        if claimed.later:
            await self._postpone(kind, bells, ids, claimed)
        else:
            self._taker.spend(kind, ids)
        return None

    def _start(self, attempts: Sequence[Any]) -> None:
        loop = asyncio.get_running_loop()
        self.tally.attempts += len(attempts)
        for attempt in attempts:
            task = attempt.task = loop.create_task(self._work(attempt))
            self.running.add(task)
            task.add_done_callback(self._finished)

    async def _work(self, attempt: Any) -> None:
        try:
            await self._desk.run(attempt)
        except asyncio.CancelledError:
            raise
        except BaseException:  # SystemExit in a task would end the event loop
            self.tally.escaped += 1
            logger.exception("an attempt raised past its desk")

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        self.tally.finished += 1
        self.freed.set()

    async def _postpone(self, kind: str, bells: list[Bell], ids: list[bytes], claimed: Claimed) -> None:
        self.tally.later += len(claimed.later)
        due = {(bell.tenant, bell.job_id, bell.version): moment for bell, moment in claimed.later}
        back: list[tuple[bytes, datetime | float]] = []
        spent: list[bytes] = []
        for raw, bell in zip(ids, bells, strict=True):
            moment = due.get((bell.tenant, bell.job_id, bell.version))
            if moment is None:
                spent.append(raw)
            else:
                back.append((raw, moment))
        if spent:
            self._taker.spend(kind, spent)
        await self._put_back(kind, back)

    async def _put_back(self, kind: str, bells: Sequence[tuple[bytes, datetime | float]]) -> None:
        try:
            await self._taker.put_back(kind, bells)
        except REDIS_ERRORS:
            self.tally.redis_errors += 1  # they come back by themselves when the hold ends
