"""How long jobs waited because of a fault.

Three classes of figures, in seconds by clocks of one machine:

`worker`: an attempt whose lease expired. From the moment at which its worker was killed, was stopped or ended by itself
to the next claim of the job, or to its end where it had no attempt left. Where the worker lived on (its line or its
database failed it), its last beat is not recorded, and the count begins a whole lease before the lease was taken away,
which is no later than that beat.

`bell`: a job that waited, with its time come, when Redis lost what it knew or did not take what it was told. From the
moment at which the last of these faults was over (or the job began to wait, if that is later) to its claim.

`progress`: from the end of each fault to the next transition to a success of any job.

`recovery_p50_s` and the like of a report are those of `worker`: bells are many and short, and would hide it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.chaos.nemesis import Done

LOST_LEASES = """
SELECT t.actor AS worker, extract(epoch FROM t.transitioned_at)::float8 AS claimed_at,
       extract(epoch FROM l.transitioned_at)::float8 AS taken_at,
       extract(epoch FROM coalesce(n.transitioned_at, l.transitioned_at))::float8 AS back_at
FROM status_transitions l
JOIN status_transitions t ON t.job_kind = l.job_kind AND t.job_id = l.job_id AND t.version = l.version - 1
LEFT JOIN status_transitions n ON n.job_kind = l.job_kind AND n.job_id = l.job_id AND n.version = l.version + 1
WHERE l.reason = 'lease_expired'"""
# what waits for a later time of its own choice (a back-off) waits for no bell
WAITS = """
SELECT extract(epoch FROM p.transitioned_at)::float8 AS began, extract(epoch FROM c.transitioned_at)::float8 AS claimed
FROM status_transitions c
JOIN status_transitions p ON p.job_kind = c.job_kind AND p.job_id = c.job_id AND p.version = c.version - 1
WHERE c.reason = 'claimed' AND split_part(p.reason, ' ', 1) IN ('created', 'retry', 'lease_expired', 'handed_back')
  AND c.transitioned_at - p.transitioned_at > interval '50 milliseconds'"""
SUCCESSES = """
SELECT extract(epoch FROM transitioned_at)::float8 FROM status_transitions
WHERE to_status IN ('COMPLETED', 'completed') ORDER BY 1"""
SILENCING = {"flush redis", "kill redis", "empty redis", "hang redis", "pause redis clients", "fill redis"}


def of_workers(rows: Sequence[Any], losses: Mapping[int, Sequence[float]], lease: float) -> list[float]:
    """`losses`: when which process was lost, by pid."""
    return [max(0.0, row["back_at"] - _lost_at(row, losses, lease)) for row in rows]


def slowest_of_workers(
    rows: Sequence[Any], losses: Mapping[int, Sequence[float]], lease: float, most: int = 10
) -> list[str]:
    """One line for each worker that was lost: how long until its lease was taken, and until its job was claimed."""
    waits: dict[str, tuple[float, float, bool]] = {}
    for row in rows:
        lost_at = _lost_at(row, losses, lease)
        wait = row["back_at"] - lost_at, row["taken_at"] - lost_at, lost_at != row["taken_at"] - lease
        waits[row["worker"]] = max(waits.get(row["worker"], wait), wait)
    ordered = sorted(((wait, worker) for worker, wait in waits.items()), reverse=True)
    return [
        f"{back:.1f} s, its lease after {taken:.1f} s: {worker}, {'lost as a process' if known else 'cut off'}"
        for (back, taken, known), worker in ordered[:most]
    ]


def _lost_at(row: Any, losses: Mapping[int, Sequence[float]], lease: float) -> float:
    """Of the name `worker:host-pid-digits`."""
    known = losses.get(int(row["worker"].rsplit("-", 2)[1]), ())
    # what befell the process before it had the job, or after it had lost it, is another story
    within = [at for at in known if row["claimed_at"] <= at < row["taken_at"]]
    return min(within, default=row["taken_at"] - lease)


def of_bells(rows: Sequence[Any], done: Sequence[Done]) -> list[float]:
    silent = sorted((one.began, one.healed) for one in done if one.fault.name in SILENCING)
    return [row["claimed"] - since for row in rows for since in _silenced(row, silent)]


def _silenced(row: Any, silent: Sequence[tuple[float, float]]) -> Iterator[float]:
    over = [max(healed, row["began"]) for began, healed in silent if row["began"] <= healed and began <= row["claimed"]]
    if over and max(over) < row["claimed"]:
        yield max(over)


def of_progress(successes: Sequence[float], done: Sequence[Done]) -> list[float]:
    """Nothing for a fault after which there was no work left."""
    at = [bisect_left(successes, one.healed) for one in done]
    return [successes[place] - one.healed for place, one in zip(at, done, strict=True) if place < len(successes)]


def slowest(successes: Sequence[float], done: Sequence[Done], most: int = 10) -> list[str]:
    """The faults after which it took longest until anything succeeded."""
    waits = sorted(((*of_progress(successes, [one]), one) for one in done), key=_first, reverse=True)
    return [
        f"{wait[0]:.1f} s after {wait[-1].fault.name} of {wait[-1].fault.target}" for wait in waits[:most] if wait[:-1]
    ]


def _first(wait: tuple[Any, ...]) -> float:
    return wait[0] if len(wait) > 1 else 0.0


def summary(figures: Sequence[float]) -> dict[str, float | int | None]:
    ordered = sorted(figures)
    return {
        "count": len(ordered),
        **{f"p{share}_s": _share(ordered, share) for share in (50, 90, 99)},
        "max_s": round(ordered[-1], 3) if ordered else None,
    }


def _share(ordered: Sequence[float], percent: int) -> float | None:
    """The smallest figure that so many percent do not exceed."""
    if not ordered:
        return None
    return round(ordered[-(-len(ordered) * percent // 100) - 1], 3)
