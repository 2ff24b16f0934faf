"""I10: what a job's end brings is there once, and what was asked of the outside was asked with one key."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tests.faults.invariants import Invariant
from tests.servers.messages_api import Entry

STORED: Mapping[Invariant, str] = {
    Invariant("I10", "a completed picture is there once, and only then"): """
        SELECT t.id, t.status, count(g.id) FROM image_tasks t LEFT JOIN generated_images g ON g.task_id = t.id
        GROUP BY t.id HAVING count(g.id) <> (CASE t.status WHEN 'completed' THEN 1 ELSE 0 END)""",
    Invariant("I10", "usage counts every end of a picture once"): """
        SELECT u.successes, u.failures, s.successes, s.failures
        FROM (SELECT coalesce(sum(success_count), 0) AS successes, coalesce(sum(failure_count), 0) AS failures
              FROM usage_stats) u,
             (SELECT count(*) FILTER (WHERE to_status = 'completed') AS successes,
                     count(*) FILTER (WHERE to_status = 'failed') AS failures
              FROM status_transitions WHERE job_kind = 'image_task') s
        WHERE (u.successes, u.failures) <> (s.successes, s.failures)""",
    Invariant("I10", "a long answer is one file of a completed job"): """
        SELECT a.job_id, j.status, count(*) FROM artifacts a LEFT JOIN executions j ON j.id = a.job_id
        GROUP BY 1, 2 HAVING count(*) > 1 OR j.status IS DISTINCT FROM 'COMPLETED'""",
    Invariant("I10", "every long answer has its file"): """
        SELECT j.id FROM executions j WHERE j.status = 'COMPLETED' AND j.model <> 'offline/extract'
          AND j.prompt LIKE '[[huge%' AND NOT EXISTS (SELECT FROM artifacts a WHERE a.job_id = j.id)""",
}
# an explicit retry is another request
ONE_KEY = Invariant("I10", "the model was asked with one key for each life of a job")
HOSTED = """
SELECT j.metadata->>'tag' AS tag, j.status,
       1 + (SELECT count(*) FROM status_transitions s WHERE s.job_id = j.id AND s.reason LIKE 'retry%'
            AND s.reason NOT LIKE 'retry_attempt%') AS lives
FROM executions j WHERE j.model <> 'offline/extract'"""
TAG = re.compile(r"\becho=(\S+)$")


async def effects(connection: Any, asked: Sequence[Entry]) -> dict[Invariant, list[Any]]:
    """The rows that break one of these."""
    found = {name: await connection.fetch(sql) for name, sql in STORED.items()}
    rows = await connection.fetch(HOSTED)
    found[ONE_KEY] = _keys(rows, asked)
    return {name: rows for name, rows in found.items() if rows}


def _keys(rows: Sequence[Any], asked: Sequence[Entry]) -> list[tuple[str, str, int, int]]:
    keys, whole = defaultdict[str, set[str | None]](set), set[str]()
    for entry in asked:
        tag = TAG.search(entry.asked.prompt)
        assert tag
        keys[tag[1]].add(entry.asked.key)
        if entry.whole:
            whole.add(tag[1])
    return [
        (row["tag"], row["status"], row["lives"], len(keys[row["tag"]]))
        for row in rows
        if len(keys[row["tag"]]) > row["lives"] or (row["status"] == "COMPLETED" and row["tag"] not in whole)
    ]
