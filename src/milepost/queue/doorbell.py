"""The producer's side of Redis: rings bells without ever making a producer wait long or fail."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeVar

from arq import ArqRedis
from redis.exceptions import NoScriptError

from milepost.db.group_commit import GroupCommit
from milepost.domain.bell import Bell
from milepost.domain.errors import Unavailable
from milepost.ownership import house_task
from milepost.queue import wire
from milepost.queue.connection import REDIS_ERRORS, Script
from milepost.queue.presence import Presence, present
from milepost.queue.recall import Recall

T = TypeVar("T")
# keys and arguments of the script
Call: TypeAlias = tuple[list[str], list[Any]]

logger = logging.getLogger("milepost.doorbell")

# one script call blocks Redis for a few milliseconds at this size, and stays under Lua's argument limit
BELLS_PER_CALL = 1000
CALLS_PER_TRIP = 32
# what may wait in memory for a Redis that is slow; the reconciler rings what is beyond it
MOST_BEHIND = 50_000


@dataclass(slots=True)
class Rings:
    """How many bells reached Redis, and how many did not (the reconciler rings those again)."""

    rung: int = 0
    lost: int = 0


class Ring(NamedTuple):
    """What is rung together, and since when."""

    bells: Sequence[Bell]
    rung_at: float


class Doorbell:
    """Rings, looks up and takes away bells. Give it a client of its own with a short time-out.

    `patience` bounds how long `ring` waits; the ringing itself goes on behind it, and until it ends, later rings queue
    up behind it without a wait. After a failure nothing is tried for `pause` seconds: an outage costs producers nothing.
    """

    def __init__(self, redis: ArqRedis, *, installation: str, patience: float = 0.05, pause: float = 0.5) -> None:
        self.rings = Rings()
        self._redis = redis
        self._installation = installation
        self._patience = patience
        self._pause = pause
        self._quiet_until = 0.0
        self._lost_at_outage: int | None = None
        self._script = Script("ring")
        self._recall = Recall(redis)
        self._sending: asyncio.Task[Any] | None = None
        self._soon: list[Bell] = []
        self._behind: list[Bell] = []
        self._group: GroupCommit[Ring, bool] = GroupCommit(self._flush, max_size=2000, lanes=1)

    def ring_soon(self, bells: Sequence[Bell]) -> None:
        """Rings behind the caller's back, with all others of this turn. What does not reach Redis is counted as lost."""
        if bells and not self._soon:
            asyncio.get_running_loop().call_soon(self._ring_gathered)
        self._soon += bells

    def _ring_gathered(self) -> None:
        bells, self._soon = self._soon, []
        self._put(bells)

    async def ring(self, bells: Sequence[Bell]) -> None:
        """Returns when Redis has them, when `patience` is over, or when Redis is away. Never raises."""
        ringing = self._put(bells)
        if ringing is not None:
            await asyncio.shield(ringing)  # it rings even if its caller leaves

    def _put(self, bells: Sequence[Bell]) -> asyncio.Future[bool] | None:
        """None: nothing to wait for."""
        if not bells:
            return None
        now = time.monotonic()
        if self._quiet_until > now:
            self.rings.lost += len(bells)
            return None
        return self._group.put(Ring(bells, now))

    async def deliver(self, bells: Sequence[Bell]) -> bool:
        """Rings and waits until Redis has them. False: Redis is away."""
        return not bells or (await self._send_counted(bells))

    async def known(self, bells: Sequence[Bell]) -> list[bool]:
        """Which of these wait in Redis, in order. Raises Unavailable when Redis does not answer."""
        places = list(_by_kind(list(enumerate(bells)), kind=lambda place: place[1].kind))
        pipe: Any = self._redis.pipeline(transaction=False)
        for kind, part in places:
            pipe.execute_command("ZMSCORE", wire.queue_name(kind), *[wire.arq_id(bell) for _, bell in part])
        answer = [False] * len(bells)
        for (_, part), scores in zip(places, await self._ask(pipe), strict=True):
            for (index, _), score in zip(part, scores, strict=True):
                answer[index] = score is not None
        return answer

    async def begin_recall(self, scope: str) -> str | None:
        """A token if Redis may have forgotten bells of this scope, else None. Raises Unavailable."""
        try:
            return await self._recall.begin(scope)
        except REDIS_ERRORS as error:
            raise Unavailable(server="Redis") from error

    async def end_recall(self, scope: str, token: str) -> bool:
        """All bells of the scope were rung again. False: Redis forgot meanwhile. Raises Unavailable."""
        try:
            return await self._recall.end(scope, token)
        except REDIS_ERRORS as error:
            raise Unavailable(server="Redis") from error

    async def workers(self) -> list[Presence]:
        """The workers that are alive. Raises Unavailable when Redis does not answer."""
        try:
            return await present(self._redis)
        except REDIS_ERRORS as error:
            raise Unavailable(server="Redis") from error

    async def drain(self) -> None:
        """Waits until whatever was rung is in Redis, or lost."""
        self._ring_gathered()
        await self._group.drain()
        if self._sending is not None:
            await asyncio.wait({self._sending})

    async def aclose(self) -> None:
        """Waits for rings in flight and closes the client."""
        await self.drain()
        await self._redis.aclose()

    async def _ask(self, pipe: Any) -> list[Any]:
        try:
            return await pipe.execute()
        except REDIS_ERRORS as error:
            raise Unavailable(server="Redis") from error

    async def _flush(self, group: Sequence[Ring]) -> list[bool]:
        """Answers within `patience`, whether or not Redis has; the sending goes on behind it."""
        bells = [bell for ring in group for bell in ring.bells]
        now = time.monotonic()
        if self._quiet_until > now:
            self.rings.lost += len(bells)
            return [False] * len(group)
        if self._sending is not None and not self._sending.done():
            self._queue_up(bells)
            return [False] * len(group)
        sending = self._sending = house_task(self._send_through(bells))
        # the first has waited longest: its time counts from when it rang
        await asyncio.wait({sending}, timeout=max(group[0].rung_at + self._patience - now, 0.0))
        return [sending.done() and sending.result()] * len(group)

    def _queue_up(self, bells: Sequence[Bell]) -> None:
        if len(self._behind) + len(bells) > MOST_BEHIND:
            self.rings.lost += len(bells)
        else:
            self._behind += bells

    async def _send_through(self, bells: Sequence[Bell]) -> bool:
        """Sends these, then what queued up behind them. Answers for these."""
        reached = await self._send_counted(bells)
        going = reached
        while self._behind:
            behind, self._behind = self._behind, []
            if going:
                going = await self._send_counted(behind)
            else:
                self.rings.lost += len(behind)
        return reached

    async def _send_counted(self, bells: Sequence[Bell]) -> bool:
        """False: Redis is away. A bell that cannot be rung at all is lost alone."""
        rung = await self._send(_written(bells))
        self.rings.rung += rung or 0
        self.rings.lost += len(bells) - (rung or 0)
        return rung is not None

    async def _send(self, written: Mapping[str, Sequence[bytes]]) -> int | None:
        """How many were rung; None when Redis is away or answers what nobody understands."""
        calls, rung = list(self._calls(written)), 0
        try:
            for start in range(0, len(calls), CALLS_PER_TRIP):
                rung += await self._trip(calls[start : start + CALLS_PER_TRIP])
        except REDIS_ERRORS as error:
            self._outage(error)
            return None
        except Exception:
            logger.exception("bells were not rung")  # else nobody would hear of it: no caller waits
            return None
        if odd := sum(map(len, written.values())) - rung:
            logger.error("%d bells were not rung: their ids are none of ours", odd)
        if calls and self._lost_at_outage is not None:
            logger.warning("Redis is back; %d bells were not rung", self.rings.lost - self._lost_at_outage)
            self._lost_at_outage = None
        return rung

    def _calls(self, written: Mapping[str, Sequence[bytes]]) -> Iterator[Call]:
        for kind, lines in written.items():
            keys = [wire.INSTALLATION_KEY, wire.queue_name(kind), wire.wake_list(kind)]
            for start in range(0, len(lines), BELLS_PER_CALL):
                part = b"".join(lines[start : start + BELLS_PER_CALL])
                yield keys, [self._installation, wire.BODY_LIFE_MS, kind, part]

    async def _trip(self, calls: Sequence[Call]) -> int:
        """How many bells the script knew for such."""
        if len(calls) == 1:
            return await self._script(self._redis, *calls[0])
        try:
            return await self._pipelined(calls)
        except NoScriptError:
            await self._script.load(self._redis)
            return await self._pipelined(calls)

    async def _pipelined(self, calls: Sequence[Call]) -> int:
        pipe: Any = self._redis.pipeline(transaction=False)
        for keys, args in calls:
            self._script.queue_on(pipe, keys, args)
        return sum(await pipe.execute())

    def _outage(self, error: Exception) -> None:
        self._quiet_until = time.monotonic() + self._pause
        if self._lost_at_outage is None:
            self._lost_at_outage = self.rings.lost
            logger.warning("bells cannot be rung, jobs will wait for the reconciler: %s", error)


def _written(bells: Iterable[Bell]) -> Mapping[str, Sequence[bytes]]:
    """What the script reads, by kind. A bell that cannot be written is left out, or it would take all with it."""
    written: defaultdict[str, list[bytes]] = defaultdict(list)
    bad: list[tuple[Bell, Exception]] = []
    for bell in bells:
        try:
            written[bell.kind].append(wire.lines(bell))
        except Exception as error:  # noqa: BLE001 - whatever it is, the others must be rung
            bad.append((bell, error))
    if bad:
        bell, error = bad[0]
        logger.error("%d bells cannot be rung, the first is of job %s", len(bad), bell.job_id, exc_info=error)
    return written


def _by_kind(items: Iterable[T], *, kind: Callable[[T], str]) -> Iterable[tuple[str, list[T]]]:
    groups: defaultdict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[kind(item)].append(item)
    return groups.items()
