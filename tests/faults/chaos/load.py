"""Clients over HTTP that keep asking with one idempotency key until they hear what became of it, or give up."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any
from uuid import UUID

from milepost.client import ApiError, Client
from milepost.domain.errors import MilepostError, Unavailable
from tests.faults.chaos import requests
from tests.faults.chaos.journal import Journal

LARGEST_BATCH = 300
BATCHERS, SINGLES = 2, 4
SINGLES_PER_SECOND, IMAGES_PER_SECOND = 0.8, 0.15
# of requests: left in doubt, sent twice at once, sent again afterwards, cancelled (and half of these retried)
GIVES_UP, TWICE, AGAIN, CANCELS = 0.2, 0.04, 0.04, 0.06
MOST_TRIES = 60
Send = Callable[[], Awaitable[Sequence[UUID]]]


class Load:
    """`rate`: jobs a second, all clients together. `replies` lists keys that were answered with different jobs."""

    def __init__(self, client: Client, journal: Journal, *, seed: int, rate: float) -> None:
        self.journal = journal
        self.replies: list[str] = []
        self._client = client
        self._seed = seed
        self._rate = rate
        self._stop = asyncio.Event()
        self._numbers = count()

    async def work(self) -> None:
        """Until `stop` was called and everybody has heard of their last request."""
        bulk = max(1.0, (self._rate - SINGLES * SINGLES_PER_SECOND - IMAGES_PER_SECOND) / BATCHERS)
        await asyncio.gather(
            *(self._keep(f"batch-{number}", bulk, self._batch) for number in range(BATCHERS)),
            *(self._keep(f"single-{number}", SINGLES_PER_SECOND, self._single) for number in range(SINGLES)),
            self._keep("image", IMAGES_PER_SECOND, self._image),
        )

    def stop(self) -> None:
        self._stop.set()

    async def _keep(self, name: str, rate: float, once: Callable[..., Awaitable[int]]) -> None:
        """At that rate in the long run: what was missed while the API was away is made up for."""
        dice, began, done = random.Random(f"{self._seed} {name}"), time.monotonic(), 0
        for number in count():
            owed = int((time.monotonic() - began) * rate) - done
            if self._stop.is_set():
                return
            if owed > 0:
                done += await once(dice, f"{self._seed}-{name}-{number}", owed)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), dice.uniform(0.2, 1.2))

    async def submit(self, path: str, **request: Any) -> bool:
        """One job, for somebody who has no hurry. Whether it was accepted."""
        key = f"{self._seed}-{path}-{next(self._numbers)}"
        if path == "executions":
            request |= {"prompt": requests.marked(request["prompt"], key), "metadata": {"tag": key}}
        return bool(await self._ask(key, path, 1, self._one(path, key, request), random.Random(key), gives_up=0))

    # ------------------------------------------------------------------------------------------ requests

    async def _batch(self, dice: random.Random, key: str, owed: int) -> int:
        size = min(LARGEST_BATCH, owed)
        jobs = [requests.execution(dice, f"{key}/{index}", hosted=0.08) for index in range(size)]

        async def send() -> list[UUID]:
            return await self._client.submit_many("executions", jobs, idempotency_key=key)

        await self._ask(key, "executions", size, send, dice)
        return size

    async def _single(self, dice: random.Random, key: str, _: int) -> int:
        request = requests.execution(dice, key, hosted=0.5)
        ids = await self._ask(key, "executions", 1, self._one("executions", key, request), dice)
        for job_id in ids if dice.random() < CANCELS else ():
            with suppress(MilepostError):
                await self._client.cancel(job_id, reason="changed my mind")
                if dice.random() < 0.5:
                    await self._client.retry(job_id)
        return 1

    async def _image(self, dice: random.Random, key: str, _: int) -> int:
        send = self._one("images", key, dict(requests.image(dice)))
        await self._ask(key, "images", 1, send, dice, gives_up=0)
        return 1

    def _one(self, path: str, key: str, request: dict[str, Any]) -> Send:
        async def send() -> list[UUID]:
            return [(await self._client.submit(path, idempotency_key=key, **request)).id]

        return send

    # ------------------------------------------------------------------------------------------ patience

    async def _ask(
        self, key: str, kind: str, jobs: int, send: Send, dice: random.Random, gives_up: float = GIVES_UP
    ) -> Sequence[UUID]:
        """The same key until there is an answer. Empty: refused, or given up."""
        twice, again, patience = dice.random() < TWICE, dice.random() < AGAIN, dice.random()
        for tries in range(MOST_TRIES):
            self.journal.attempted(key, kind, jobs)
            ids = await self._heard(key, [send, send] if twice else [send])
            if ids is None:
                return ()
            if ids:
                self.journal.heard(key, ids)
                if again:
                    await self._heard(key, [send])
                return ids
            if patience < gives_up and tries:
                return ()
            await asyncio.sleep(0.2)
        return ()

    async def _heard(self, key: str, sends: Sequence[Send]) -> Sequence[UUID] | None:
        """The jobs; nothing where that is in doubt, None where it was refused. All answers must agree."""
        heard = self.journal.acknowledged.get(key)
        for answer in await asyncio.gather(*(send() for send in sends), return_exceptions=True):
            match answer:
                case ApiError(status=status) if status < 500 and status not in {408, 409, 429}:
                    self.journal.refuse(key, str(answer))
                    return None
                case MilepostError() | Unavailable():
                    self.journal.doubt(key, str(answer), getattr(answer, "status", None))
                case BaseException():
                    raise answer
                case ids:
                    if heard is not None and list(ids) != list(heard):
                        self.replies.append(key)
                    heard = list(ids)
        return heard or ()
