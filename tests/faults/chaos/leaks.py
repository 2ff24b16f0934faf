"""I13: when all is done, no transaction stands open and no process holds much more than when it began."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.faults.chaos.size import Size, size
from tests.faults.chaos.stage import Stage
from tests.faults.invariants import Invariant

# what a process may grow by for good: full pools of connections, and what a handler loads at its first job
MORE_FILES, MORE_MEGABYTES = 64, 256
# between the last job and the look: a transaction that is open all that time belongs to nobody
PATIENCE = 5.0
TRANSACTIONS = Invariant("I13", "no transaction is left open")
PROCESSES = Invariant("I13", "no process holds many more files, or much more memory, than when it was ready")
OPEN = """
SELECT pid, usename::text, state, left(query, 200) FROM pg_stat_activity
WHERE usename <> current_user AND state LIKE 'idle in transaction%' AND now() - xact_start > make_interval(secs => $1)"""


async def transactions(stage: Stage) -> list[Any]:
    await asyncio.sleep(PATIENCE)
    return [tuple(row) for row in await stage.fetch(OPEN, PATIENCE)]


def grown(stage: Stage) -> dict[str, tuple[Size, Size]]:
    """By post: its holder when it was ready, and now."""
    pairs = ((post.name, post.begun, post.begun and size(post.begun.pid)) for post in stage.posts.values())
    return {name: (begun, now) for name, begun, now in pairs if begun and now}


def too_much(grown: dict[str, tuple[Size, Size]]) -> list[Any]:
    return [
        (name, begun, now)
        for name, (begun, now) in grown.items()
        if now.files > begun.files + MORE_FILES or now.megabytes > begun.megabytes + MORE_MEGABYTES
    ]
