"""The worker's side of Redis: sleeps on the doorbell, takes due bells in one round trip, removes what is done with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from arq import ArqRedis
from redis.exceptions import NoScriptError, ResponseError

from milepost.domain.bell import Bell
from milepost.domain.errors import ConfigurationError
from milepost.queue import wire
from milepost.queue.connection import REDIS_ERRORS, Script

# keeps a script call short and under Lua's argument limit
MOST_PER_CALL = 2000


@dataclass(slots=True)
class Taken:
    """Bells by kind, each list beside its raw ids; `more` are due already; the next one is due in `wait` seconds."""

    bells: dict[str, list[Bell]] = field(default_factory=dict[str, list[Bell]])
    ids: dict[str, list[bytes]] = field(default_factory=dict[str, list[bytes]])
    foreign: int = 0
    more: bool = False
    wait: float | None = None


class Taker:
    """Takes bells of some kinds for one worker. Bells taken are hidden for `hold` seconds, then come back."""

    def __init__(self, redis: ArqRedis, kinds: Sequence[str], *, installation: str, hold: float) -> None:
        self._redis = redis
        self._kinds = list(kinds)
        self._installation = installation
        self._hold_ms = int(hold * 1000)
        self._spent: defaultdict[str, list[bytes]] = defaultdict(list)
        self._claim = Script("claim")
        self._put_back = Script("put_back")
        self._remove = Script("remove")

    @property
    def owes(self) -> bool:
        """Whether something spent waits for its removal."""
        return bool(self._spent)

    async def listen(self, seconds: float) -> None:
        """Returns when somebody rang, or after `seconds`."""
        client: Any = self._redis
        await client.blpop([wire.wake_list(kind) for kind in self._kinds], timeout=round(max(seconds, 0.001), 3))

    def spend(self, kind: str, ids: Iterable[bytes]) -> None:
        """These are done with: they leave Redis with the next round trip."""
        self._spent[kind] += ids

    async def take(self, slots: int) -> Taken:
        """Removes what was spent and takes up to `slots` bells, in one round trip."""
        keys, args = self._call(min(slots, MOST_PER_CALL))
        if not self._spent:
            return await self._read(await self._checked(self._claim(self._redis, keys, args)))
        answer = await self._checked(self._round_trip(keys, args))
        return await self._read(answer)

    async def settle(self) -> None:
        """Removes what was spent."""
        for kind, ids in list(self._spent.items()):
            await self._remove(self._redis, *_removal(kind, ids))
            del self._spent[kind]

    async def put_back(self, kind: str, bells: Iterable[tuple[bytes, datetime | float]]) -> None:
        """Hands bells back until a time (or an epoch in seconds)."""
        args: list[Any] = []
        for raw, due in bells:
            args += (raw, wire.to_ms(due) if isinstance(due, datetime) else int(due * 1000))
        for start in range(0, len(args), MOST_PER_CALL):
            await self._put_back(self._redis, [wire.queue_name(kind)], args[start : start + MOST_PER_CALL])

    def _call(self, slots: int) -> tuple[list[str], list[Any]]:
        # another kind comes first each time, so that a single free slot goes round
        self._kinds.append(self._kinds.pop(0))
        keys = [wire.INSTALLATION_KEY]
        for kind in self._kinds:
            keys += (wire.queue_name(kind), wire.wake_list(kind))
        return keys, [self._installation, slots, self._hold_ms]

    async def _round_trip(self, keys: list[str], args: list[Any]) -> Any:
        pipe: Any = self._redis.pipeline(transaction=False)
        for kind, ids in self._spent.items():
            self._remove.queue_on(pipe, *_removal(kind, ids))
        self._claim.queue_on(pipe, keys, args)
        *removals, claimed = await pipe.execute(raise_on_error=False)
        if not any(isinstance(answer, Exception) for answer in removals):
            self._spent.clear()
        elif any(isinstance(answer, NoScriptError) for answer in removals):
            with suppress(*REDIS_ERRORS):  # what was claimed in the same trip must not be lost for it
                await self.settle()
        if isinstance(claimed, NoScriptError):
            return await self._claim(self._redis, keys, args)
        if isinstance(claimed, Exception):
            raise claimed
        return claimed

    async def _checked(self, call: Any) -> Any:
        try:
            return await call
        except ResponseError as error:
            if str(error).startswith("FOREIGN"):
                raise ConfigurationError(
                    f"Another installation's Redis: {str(error).removeprefix('FOREIGN ')}. Nothing was touched.",
                    hint="Give every installation a Redis, or a Redis database number, of its own.",
                ) from error
            raise

    async def _read(self, answer: Any) -> Taken:
        now, soonest = int(answer[0]), int(answer[1])
        taken = Taken(more=soonest == 0, wait=None if soonest < 0 else max(soonest - now, 0) / 1000)
        for kind, ids in zip(self._kinds, answer[2:], strict=True):
            if ids:
                await self._sort(taken, kind, ids)
        return taken

    async def _sort(self, taken: Taken, kind: str, ids: list[bytes]) -> None:
        bells = [wire.parse(kind, raw) for raw in ids]
        if None in bells:
            bells = await self._look_inside(kind, ids, bells)
        known = [(raw, bell) for raw, bell in zip(ids, bells, strict=True) if bell is not None]
        taken.foreign += len(ids) - len(known)
        if known:
            taken.ids[kind] = [raw for raw, _ in known]
            taken.bells[kind] = [bell for _, bell in known]

    async def _look_inside(self, kind: str, ids: list[bytes], bells: list[Bell | None]) -> list[Bell | None]:
        odd = [index for index, bell in enumerate(bells) if bell is None]
        client: Any = self._redis
        bodies = await client.mget([b"arq:job:" + ids[index] for index in odd])
        for index, data in zip(odd, bodies, strict=True):
            bells[index] = wire.read_body(kind, data)
        return bells


def _removal(kind: str, ids: list[bytes]) -> tuple[list[str], list[Any]]:
    return [wire.queue_name(kind)], [b"\0".join(ids)]
