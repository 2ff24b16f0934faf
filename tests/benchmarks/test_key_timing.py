"""The measurement of refusals: every class is refused alike, and the bounds are what they are called."""

from __future__ import annotations

import random
import subprocess
import sys

from benchmarks.key_timing import interval
from tests.docs.pages import ROOT


def test_every_class_of_keys_is_sent_and_refused_alike() -> None:
    # whether the times are alike is not asked of so few rounds
    said = subprocess.run(
        [sys.executable, "-m", "benchmarks.key_timing", "20"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert said.stderr == ""
    lines = said.stdout.splitlines()
    assert lines[0].startswith("20 rounds, seed 1")
    assert [line[:12].strip() for line in lines[3:7]] == ["unknown", "bad secret", "revoked", "expired"]


def test_the_bounds_have_the_median_nineteen_times_of_twenty() -> None:
    chance, hits = random.Random(4), 0
    for _ in range(1000):
        low, middle, high = interval(sorted(chance.expovariate(1) for _ in range(200)))
        assert low <= middle <= high
        hits += low <= 0.6931 <= high

    assert 930 <= hits <= 985
