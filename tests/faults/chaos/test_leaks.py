"""What is left when all is done is found."""

from __future__ import annotations

import os

import asyncpg

from tests.faults.chaos import leaks
from tests.faults.chaos.size import Size, size
from tests.faults.chaos.stage import Stage


async def test_a_transaction_that_is_left_open_is_told(stage: Stage) -> None:
    app = await asyncpg.connect(stage.site.addresses.app)
    forgotten = app.transaction()
    await forgotten.start()
    await app.fetchval("SELECT 'left behind'")
    left = await leaks.transactions(stage)
    await app.close()
    assert [(state, query) for _, _, state, query in left] == [("idle in transaction", "SELECT 'left behind'")]


def test_a_process_that_holds_many_more_files_is_told() -> None:
    now = size(os.getpid())
    assert now
    before = Size(now.pid, now.files - leaks.MORE_FILES, now.megabytes)
    assert leaks.too_much({"api": (before, now)}) == []
    assert leaks.too_much({"api": (before._replace(files=before.files - 1), now)}) != []
