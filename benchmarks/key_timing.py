"""Whether the time of a refusal tells what is wrong with a key: `python -m benchmarks.key_timing [ROUNDS] [SEED]`.

In each round one key of every class is sent to the application in this process, in random order; no key is sent twice, so
that none is remembered. What is compared is the difference within a round: whatever else the machine does, it does to both.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from math import ceil, floor, sqrt
from statistics import median
from typing import Any

import asyncpg

from benchmarks.stage import INSTALLATION, Place, Servers, place, servers
from milepost.api.app import create_app
from milepost.api.dependencies import Dependencies, Limits
from milepost.db.ids import new_id
from milepost.db.tenants import TenantDatabase
from milepost.domain.api_key import Key, hash_key, make_key
from milepost.engine.heap import settle_heap
from milepost.kinds import all_kinds
from milepost.queue.connection import connect
from milepost.queue.doorbell import Doorbell
from milepost.tenancy.models import active_models

ROUNDS = 10_000
SEED = 1
WARM = 200
AIM_US = 50.0
NORMAL_95 = 1.96
# what the others are compared with
AGAINST = "unknown"
INSERT = """
INSERT INTO api_keys (user_id, name, key_hash, key_prefix, scopes, created_at, status, revoked_at, expires_at)
SELECT $1, 'bench', hash, prefix, '{job:read}', now() - interval '2 days', $4,
       CASE $4 WHEN 'revoked' THEN now() - interval '1 day' END, CASE $4 WHEN 'active' THEN now() - interval '1 day' END
FROM unnest($2::text[], $3::text[]) AS k(hash, prefix)"""

Keys = dict[str, Sequence[Key]]


async def main(rounds: int, seed: int) -> bool:
    """Prints what was found, and answers whether all differences are surely smaller than aimed at."""
    with servers() as on:
        async with place(on) as here:
            keys = await _keys(here, rounds + WARM, random.Random(seed))
            times = await _times(here, on, keys, random.Random(seed))
    print(f"{rounds} rounds, seed {seed}: microseconds until a refusal was complete\n")
    print(f"{'class':>12} {'median':>9} {'- ' + AGAINST:>11}   95 % between")
    widest = 0.0
    for name, of_class in times.items():
        differences = sorted(mine - other for mine, other in zip(of_class, times[AGAINST], strict=True))
        low, middle, high = interval(differences)
        print(f"{name:>12} {median(of_class):9.1f} {middle:+11.2f}   {low:+.2f} and {high:+.2f}")
        widest = max(widest, abs(low), abs(high))
    print(f"\nno more than {widest:.2f}; aimed at: {AIM_US:.0f}")
    return widest < AIM_US


def interval(ordered: Sequence[float]) -> tuple[float, float, float]:
    """The median between the bounds that have it with 95 % confidence, whatever the distribution is."""
    half, reach = len(ordered) / 2, NORMAL_95 * sqrt(len(ordered)) / 2
    return ordered[max(0, floor(half - reach))], median(ordered), ordered[min(len(ordered) - 1, ceil(half + reach))]


async def _keys(here: Place, count: int, chance: random.Random) -> Keys:
    """`bad secret`: begins like a key that is stored, and goes on otherwise."""
    owner = await asyncpg.connect(here.owner_url)
    made: dict[str, Sequence[Key]] = {
        AGAINST: [make_key(chance.randbytes(32)) for _ in range(count)],
    }
    beginnings = [chance.randbytes(16) for _ in range(count)]
    made["bad secret"] = [make_key(beginning + chance.randbytes(16)) for beginning in beginnings]
    made["revoked"] = [make_key(beginning + chance.randbytes(16)) for beginning in beginnings]
    made["expired"] = [make_key(chance.randbytes(32)) for _ in range(count)]
    for name, status in (("revoked", "revoked"), ("expired", "active")):
        hashes, prefixes = [hash_key(key.text) for key in made[name]], [key.prefix for key in made[name]]
        await owner.execute(INSERT, here.user_id, hashes, prefixes, status)
    await owner.execute("VACUUM ANALYZE api_keys")
    await owner.close()
    return made


async def _times(here: Place, on: Servers, keys: Keys, order: random.Random) -> dict[str, list[float]]:
    app = create_app(dependencies(here, on))
    settle_heap()
    times: dict[str, list[float]] = {name: [] for name in keys}
    names = list(keys)
    for number in range(len(keys[AGAINST])):
        order.shuffle(names)
        for name in names:
            took = await _refused(app, keys[name][number].text)
            if number >= WARM:
                times[name].append(took * 1e6)
    await app.state.deps.feeds.close()
    await app.state.deps.ringer.aclose()
    return times


def dependencies(here: Place, on: Servers) -> Dependencies:
    async def databases(_tenant: str) -> TenantDatabase:
        return here.database

    async def nobody() -> list[Any]:
        return []

    return Dependencies(
        databases=databases, ringer=Doorbell(connect(on.redis_url), installation=INSTALLATION), kinds=all_kinds(),
        ids=new_id, secret=bytes(32), presence=nobody, active_models=active_models,
        limits=Limits(refusals_per_minute=1e12),
    )  # fmt: skip


async def _refused(app: Callable[..., Any], key: str) -> float:
    """Seconds. Raises RuntimeError unless the answer is the one that all refusals have."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/v1/executions", "raw_path": b"/v1/executions", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"bench"), (b"authorization", b"Bearer " + key.encode())],
        "client": ("192.0.2.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    began = time.perf_counter()
    await app(scope, receive, send)
    took = time.perf_counter() - began
    body = b"".join(message.get("body", b"") for message in sent)
    if sent[0]["status"] != 401 or json.loads(body)["type"] != "/problems/unauthorized":
        raise RuntimeError(f"{sent[0]['status']}: {body!r}")
    return took


if __name__ == "__main__":
    asked = [int(argument) for argument in sys.argv[1:]]
    sys.exit(not asyncio.run(main(*[*asked, *(ROUNDS, SEED)[len(asked) :]])))
