"""Two minutes of random faults, always the same ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.chaos.driver import run
from tests.faults.chaos.plan import KINDS, plan
from tests.faults.site import Figure

SEED, SECONDS = 7, 120.0


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_two_minutes_of_random_faults_break_no_promise(tmp_path: Path, figure: Figure) -> None:
    report = await run(SEED, SECONDS, folder=tmp_path)
    assert report.incomplete == []
    for name, figures in report.recovery.items():
        for key in ("p50_s", "p99_s", "max_s"):
            figure(f"random faults: recovery, {name}, {key}", figures[key] or 0.0)
    assert (report.broken, report.lost, report.duplicated, report.violations) == ({}, 0, 0, 0)
    assert report.settled_after_s is not None
    assert report.faults >= 25
    assert report.superseded_results_rejected > 0, "no late result met the fence: I11 was not put to the test"
    assert report.jobs_acknowledged >= 1000


def test_a_seed_is_one_plan_and_an_hour_has_a_thousand_faults_of_every_kind() -> None:
    planned = plan(7, 3600, lease=4)
    assert planned == plan(7, 3600, lease=4)
    assert planned != plan(8, 3600, lease=4)
    assert len(planned) >= 1000
    assert {fault.name for fault in planned} == set(KINDS)
