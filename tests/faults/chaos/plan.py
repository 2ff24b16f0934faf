"""What the nemesis will do, and when: a pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass

WORKERS = ("worker-1", "worker-2", "worker-3")
KEEPERS = ("maintenance-1", "maintenance-2")
POSTS = ("api", *WORKERS, *KEEPERS)
LINES = tuple(f"{post}>{server}" for post in POSTS for server in ("postgres", "redis"))
PAUSE = (1.2, 4.4)


@dataclass(frozen=True, slots=True)
class Kind:
    """Of fault. `seconds`: how long it lasts, from and to; `leases` counts them in leases instead."""

    weight: int
    targets: tuple[str, ...]
    seconds: tuple[float, float] = (0, 0)
    leases: bool = False


PG, REDIS, JOBS, BELLS = ("postgres",), ("redis",), ("jobs",), ("bells",)
KINDS = {
    "kill": Kind(14, POSTS),
    "term": Kind(6, POSTS),
    # long enough that maintenance has taken the leases away before the zombie wakes
    "stop past the lease": Kind(7, POSTS, (1.5, 2.5), leases=True),
    "stop briefly": Kind(3, POSTS, (0.2, 2)),
    "crash postgres": Kind(6, PG),
    "terminate backends": Kind(8, PG),
    "stop a backend": Kind(4, PG, (0.5, 5)),
    "fail commits": Kind(9, PG, (1, 6)),
    "lock a table": Kind(3, PG, (0.5, 4)),
    "flush redis": Kind(5, REDIS),
    "kill redis": Kind(4, REDIS, (0, 2)),
    "empty redis": Kind(4, REDIS, (0, 3)),
    "hang redis": Kind(4, REDIS, (1, 7)),
    "pause redis clients": Kind(3, REDIS, (0.5, 4)),
    "fill redis": Kind(2, REDIS, (1, 4)),
    "cut line": Kind(8, LINES),
    "refuse line": Kind(5, LINES, (0.5, 6)),
    "delay line": Kind(6, LINES, (1, 6)),
    "blackhole line": Kind(5, LINES, (0.5, 8)),
    "blackhole answers": Kind(4, LINES, (0.5, 6)),
    "lose answers": Kind(9, LINES, (1, 3)),
    "double bells": Kind(4, BELLS),
    "stale bells": Kind(4, BELLS),
    "handler raises": Kind(2, JOBS),
    "handler hangs": Kind(2, JOBS),
    "handler blocks": Kind(2, JOBS),
    "handler exits": Kind(2, JOBS),
    "handler eats memory": Kind(2, JOBS),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """`chance` decides whatever else has to be decided when it happens."""

    at: float
    name: str
    target: str
    seconds: float
    chance: float


def plan(seed: int, seconds: float, *, lease: float, only: Collection[str] | None = None) -> list[Fault]:
    """Faults overlap, but none begins on a target on which another one still lasts.

    `only` names faults, like `kill`, or faults and the beginning of their targets, like `kill@worker`.
    """
    dice, at, busy, found = random.Random(seed), 0.0, dict[str, float](), list[Fault]()
    targets = {name: _targets(name, kind, only) for name, kind in KINDS.items()}
    names = [name for name in KINDS if targets[name]]
    while (at := at + dice.uniform(*PAUSE)) < seconds:
        name = dice.choices(names, [KINDS[name].weight for name in names])[0]
        kind = KINDS[name]
        target = dice.choice(targets[name])
        lasts = dice.uniform(*kind.seconds) * (lease if kind.leases else 1)
        chance = dice.random()
        begins = max(at, busy.get(target, 0))
        busy[target] = begins + lasts + 0.5
        if begins < seconds:
            found.append(Fault(round(begins, 3), name, target, round(lasts, 3), chance))
    return sorted(found, key=lambda fault: fault.at)


def _targets(name: str, kind: Kind, only: Collection[str] | None) -> list[str]:
    wanted = [""] if only is None else [end for start, _, end in (o.partition("@") for o in only) if start == name]
    return [target for target in kind.targets if any(target.startswith(end) for end in wanted)]
