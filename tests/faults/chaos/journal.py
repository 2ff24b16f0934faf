"""What clients asked for and what they heard, on disk before they go on."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from uuid import UUID

from tests.faults.invariants import Promise

# what a path of the API makes
KINDS = {"executions": "execution", "images": "image_task"}


class Journal:
    """One file for all clients of a run: a line each for `attempted`, `acknowledged`, `refused` and `unknown`.

    A request is known by its idempotency key; it asks for `jobs` jobs of a kind.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self.asked: dict[str, tuple[str, int]] = {}
        self.acknowledged: dict[str, list[UUID]] = {}
        self.refused: dict[str, str] = {}
        self.promised: list[Promise] = []
        self.tries: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.unexpected: list[tuple[int, str, str]] = []

    def attempted(self, key: str, kind: str, jobs: int) -> None:
        """Before it is sent, also when it is sent again."""
        self.asked[key] = (kind, jobs)
        self.tries["requests"] += 1
        self._write("attempted", key, kind=kind, jobs=jobs)

    def heard(self, key: str, ids: Sequence[UUID]) -> None:
        self.acknowledged[key] = list(ids)
        self.promised += self._promises(key, ids)
        self._write("acknowledged", key, ids=[str(value) for value in ids])

    def _promises(self, key: str, ids: Sequence[UUID]) -> list[Promise]:
        """Of an answer of the wrong length nobody can tell what it promises: no job has such a tag."""
        kind, jobs = self.asked[key]
        asked = tags(key, kind, jobs) or [None] * jobs
        asked = asked if len(ids) == jobs else [f"one of {jobs}, not of {len(ids)}"] * len(ids)
        return [Promise(job, KINDS[kind], tag) for job, tag in zip(ids, asked, strict=True)]

    def refuse(self, key: str, why: str) -> None:
        self.refused[key] = why
        self._write("refused", key, why=why)

    def doubt(self, key: str, why: str, status: int | None) -> None:
        """Nothing was heard, or with a status: that the server could not do it now."""
        self.tries["doubts"] += 1
        self._write("unknown", key, why=why, status=status)

    def answered(self, status: int, to: str = "", what: str = "") -> None:
        """`what` was said `to` a request by an answer that there should not be."""
        self.statuses[status] += 1
        if to:
            self.unexpected.append((status, to, what[:500]))
            self._write("unexpected", to, status=status, said=what)

    def unknown(self) -> list[str]:
        return [key for key in self.asked if key not in self.acknowledged and key not in self.refused]

    def jobs(self, keys: Sequence[str]) -> int:
        return sum(self.asked[key][1] for key in keys)

    def _write(self, what: str, key: str, **more: object) -> None:
        self._file.write(json.dumps({"at": round(time.time(), 4), "what": what, "key": key, **more}) + "\n")
        self._file.flush()
        os.fdatasync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def tags(key: str, kind: str, jobs: int) -> list[str]:
    """Of the executions that a request asked for; pictures have none."""
    if kind != "executions":
        return []
    return [f"{key}/{index}" for index in range(jobs)] if "-batch-" in key else [key]
