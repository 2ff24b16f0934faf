"""How recovery times are read out of a history."""

from __future__ import annotations

from tests.faults.chaos.nemesis import Done
from tests.faults.chaos.plan import Fault
from tests.faults.chaos.recovery import of_bells, of_progress, of_workers, summary


def done(name: str, began: float, healed: float) -> Done:
    return Done(Fault(0, name, "redis", 0, 0), began, healed)


def test_a_killed_workers_job_is_counted_from_the_kill_and_any_other_from_a_lease_before() -> None:
    lost = {"worker": "worker:a-host-17-ab12", "claimed_at": 99.0, "taken_at": 105.0, "back_at": 106.0}
    assert of_workers([lost], {17: [100.0]}, 4) == [6.0]
    assert of_workers([lost], {}, 4) == [5.0]
    assert of_workers([lost], {17: [98.0, 200.0]}, 4) == [5.0]  # before it had the job, and after it had lost it


def test_a_bell_is_missed_from_the_end_of_the_last_silence_that_its_job_waited_through() -> None:
    silences = [
        done("flush redis", 10, 10),
        done("hang redis", 12, 15),
        done("kill redis", 40, 42),
        done("kill", 13, 30),
    ]
    assert of_bells([{"began": 9.0, "claimed": 20.0}], silences) == [5.0]
    assert of_bells([{"began": 16.0, "claimed": 20.0}], silences) == []
    assert of_bells([{"began": 41.0, "claimed": 41.5}], silences) == []


def test_progress_is_the_next_success_after_a_fault() -> None:
    assert of_progress([1.0, 5.0], [done("kill", 1, 2), done("kill", 5, 6)]) == [3.0]


def test_shares_are_figures_that_were_measured() -> None:
    assert summary([3.0, 1.0, 2.0, 4.0]) == {"count": 4, "p50_s": 2.0, "p90_s": 4.0, "p99_s": 4.0, "max_s": 4.0}
    assert summary([])["max_s"] is None
