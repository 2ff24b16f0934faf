"""How fast, and what it cost: jobs per second, and microseconds of CPU per job in this process and in each server."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

PROC = Path("/proc")
SERVERS = {"postgres": "postgres", "valkey-server": "redis"}


@dataclass(frozen=True)
class Speed:
    """`cpu_us` by program, per job; empty where the kernel does not tell (/proc is Linux')."""

    per_s: float
    cpu_us: dict[str, float] = field(default_factory=dict[str, float])


class Stopwatch:
    """Around what is measured. The servers are found among this process' descendants."""

    def __enter__(self) -> Self:
        self._before = _cpu_ns()
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self._seconds = time.perf_counter() - self._began
        self._after = _cpu_ns()

    def per(self, jobs: int) -> Speed:
        spent = {name: self._after[name] - self._before.get(name, 0) for name in self._after}
        return Speed(jobs / self._seconds, {name: ns / jobs / 1000 for name, ns in spent.items()})


def _cpu_ns() -> dict[str, int]:
    if not PROC.is_dir():
        return {}
    spent = {"python": time.process_time_ns(), "postgres": 0, "redis": 0}
    for pid, program in _servers():
        spent[program] += _run_ns(pid)
    return spent


def _servers() -> Iterator[tuple[int, str]]:
    """Every server process below this one."""
    children: dict[int, list[tuple[int, str]]] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            head, tail = stat.read_text().rsplit(")", 1)
        except OSError:  # it ended meanwhile
            continue
        pid, name = head.split(" (", 1)
        children.setdefault(int(tail.split()[1]), []).append((int(pid), name))
    found = children.get(os.getpid(), [])
    while found:
        pid, name = found.pop()
        found += children.get(pid, [])
        if name in SERVERS:
            yield pid, SERVERS[name]


def _run_ns(pid: int) -> int:
    try:
        return sum(int(path.read_text().split()[0]) for path in (PROC / str(pid) / "task").glob("*/schedstat"))
    except (OSError, IndexError):
        return 0
