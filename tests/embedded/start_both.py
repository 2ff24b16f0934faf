"""Run as a process by tests: starts both servers below a folder, tells their pids, and waits to be killed."""

from __future__ import annotations

import sys
from pathlib import Path

from milepost.embedded import EmbeddedPostgres, EmbeddedRedis

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with EmbeddedPostgres(folder / "pg") as postgres, EmbeddedRedis(folder / "redis") as redis:
        print(postgres.pid, redis.pid, flush=True)
        sys.stdin.read()
