"""What a bar over many jobs says of the time left."""

from __future__ import annotations

from uuid import UUID

from milepost.cli.crowd import Crowd
from milepost.domain.estimate import Left

FAST = [UUID(int=number) for number in range(1, 9)]
SLOW = [UUID(int=number) for number in range(11, 15)]


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def crowd() -> tuple[Time, Crowd]:
    time = Time()
    return time, Crowd(dict.fromkeys(FAST, "execution") | dict.fromkeys(SLOW, "image"), time)


def test_fast_jobs_that_have_ended_say_nothing_of_slow_ones() -> None:
    time, jobs = crowd()

    for second, job in enumerate(FAST, 1):
        time.now = 100 + second / 5
        jobs.note(job, "succeeded")

    assert (jobs.ended, jobs.total, jobs.left()) == (8, 12, None)


def test_each_kind_is_judged_by_its_own_pace_and_the_slowest_counts() -> None:
    time, jobs = crowd()
    for second, job in ((1, FAST[0]), (2, FAST[1]), (5, SLOW[0]), (10, SLOW[1])):
        time.now = 100 + second
        jobs.note(job, "succeeded")

    assert jobs.left() == Left(None, late=True), "the fast ones should have ended by now"
    for job in FAST[2:]:
        jobs.note(job, "failed")
    assert jobs.left() == Left(10, late=False)
    time.now = 121
    assert jobs.left() == Left(None, late=True)


def test_jobs_end_once_and_those_of_others_not_at_all() -> None:
    _, jobs = crowd()

    jobs.note(FAST[0], "running")
    jobs.note(FAST[0], "succeeded")
    jobs.note(FAST[0], "running")
    jobs.note(UUID(int=99), "succeeded")

    assert {phase: count for phase, count in jobs.counts.items() if count} == {"queued": 11, "succeeded": 1}
    assert jobs.ended == 1
