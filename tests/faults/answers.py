"""What every completed execution must have said, from its prompt alone."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.servers.messages_api import answer_to
from workers.executions.answer import COLUMN_BYTES, SHOWN
from workers.executions.providers.offline import MODEL as OFFLINE
from workers.executions.providers.offline import extract

COMPLETED = "SELECT id, prompt, model, max_tokens, output FROM executions WHERE status = 'COMPLETED'"


async def wrong_answers(connection: Any) -> list[tuple[Any, ...]]:
    """Jobs whose output is not the answer to their prompt, with both."""
    async with connection.transaction():
        rows = connection.cursor(COMPLETED, prefetch=1000)
        return [(row["id"], row["prompt"], (row["output"] or "")[:200]) async for row in rows if not _answered(row)]


def _answered(row: Any) -> bool:
    said, must = row["output"] or "", _answer(row)
    data = must.encode()
    if len(data) <= COLUMN_BYTES:
        return said == must
    return said.startswith(must[:SHOWN]) and hashlib.sha256(data).hexdigest() in said


def _answer(row: Any) -> str:
    if row["model"] == OFFLINE:
        return extract(row["prompt"], row["max_tokens"])[0]
    return answer_to(row["prompt"])
