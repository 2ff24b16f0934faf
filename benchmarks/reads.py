"""Milliseconds of what people and programs ask the API for, one request after another over a kept-open connection."""

from __future__ import annotations

import itertools
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

import asyncpg

from benchmarks.finished_jobs import USERS
from benchmarks.http import Unexpected, connection, make_api_key, milepost
from benchmarks.stage import Place, Servers

Ask = Callable[[bytes, int], Awaitable[bytes]]
WARM = 10
LIST = "/v1/executions?page_size=50"
# where pages by number end
DEEPEST = 200


GIVEN_UP = {422, 500, 503, 504}
ENOUGH_REFUSALS = 5


@dataclass(frozen=True)
class Times:
    """Milliseconds; a list that is given up for its slowness counts with the time until then. `refused`: their share."""

    p50: float
    p99: float
    refused: float


async def reads(place: Place, on: Servers, rounds: int) -> dict[str, Times]:
    """By name of the read. An operator asks, who sees everybody's jobs, and for the last one somebody who sees his own."""
    everybody = await make_api_key(place, "job:read", "audit:read")
    own = await make_api_key(place, "job:read")
    owner = await asyncpg.connect(place.owner_url)
    ids, middle, somebody = await _some(owner)
    await owner.execute("UPDATE api_keys SET user_id = $1 WHERE scopes = ARRAY['job:read']", somebody)
    await owner.close()
    async with milepost(place, on) as port, connection(port) as ask:
        deep = await _cursor(ask, everybody, f"{LIST}&created_before={quote(middle)}")
        paths: dict[str, tuple[str, Iterator[str]]] = {
            "list": (everybody, itertools.repeat(LIST)),
            "list_deep": (everybody, itertools.repeat(f"{LIST}&created_before={quote(middle)}&cursor={quote(deep)}")),
            "list_page": (everybody, itertools.repeat(f"{LIST}&page={DEEPEST}")),
            "list_failed": (everybody, itertools.repeat(f"{LIST}&status=FAILED")),
            "list_waiting": (everybody, itertools.repeat(f"{LIST}&phase=queued,running")),
            "list_owner": (everybody, (f"{LIST}&user_id={user}" for user in itertools.cycle(_users(ids)))),
            "list_finished": (everybody, itertools.repeat(f"{LIST}&sort_by=finished_at")),
            "list_own": (own, itertools.repeat(LIST)),
            "one": (everybody, (f"/v1/executions/{job_id}" for job_id, _ in itertools.cycle(ids))),
            "summary": (everybody, itertools.repeat("/v1/summary")),
        }
        return {name: await _timed(ask, key, path, rounds) for name, (key, path) in paths.items()}


async def _some(owner: asyncpg.Connection) -> tuple[list[tuple[str, str]], str, object]:
    """Jobs from all of the year with their owners, the middle of the year, and an owner."""
    span = await owner.fetchrow(
        "SELECT min(created_at) AS first, max(created_at) AS last FROM executions WHERE finished_at IS NOT NULL"
    )
    if span is None or span["first"] is None:
        raise RuntimeError("there are no finished jobs")
    dice = random.Random(1)
    moments = [span["first"] + (span["last"] - span["first"]) * dice.random() for _ in range(USERS)]
    rows = [
        await owner.fetchrow(
            "SELECT id, user_id FROM executions WHERE created_at <= $1 ORDER BY created_at DESC, id LIMIT 1", moment
        )
        for moment in moments
    ]
    found = [row for row in rows if row is not None]
    middle = span["first"] + (span["last"] - span["first"]) / 2
    return [(str(row["id"]), str(row["user_id"])) for row in found], middle.isoformat(), found[0]["user_id"]


def _users(ids: list[tuple[str, str]]) -> list[str]:
    return sorted({user for _, user in ids})


async def _cursor(ask: Ask, key: str, path: str) -> str:
    return json.loads(await ask(_get(path, key), 200))["next_cursor"]


async def _timed(ask: Ask, key: str, paths: Iterator[str], rounds: int) -> Times:
    took: list[float] = []
    refused = 0
    for turn, path in zip(range(rounds + WARM), paths, strict=False):
        began = time.perf_counter()
        refused += await _is_refused(ask, _get(path, key))
        if turn >= WARM or refused:
            took.append((time.perf_counter() - began) * 1000)
        if refused >= ENOUGH_REFUSALS:
            break
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return Times(cuts[49], cuts[98], refused / len(took))


async def _is_refused(ask: Ask, request: bytes) -> bool:
    try:
        await ask(request, 200)
    except Unexpected as answer:
        if answer.status not in GIVEN_UP:
            raise
        return True
    return False


def _get(path: str, key: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
