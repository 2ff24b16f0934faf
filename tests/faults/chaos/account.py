"""What was promised beside what is there."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.faults.chaos.journal import tags
from tests.faults.chaos.nemesis import Nemesis
from tests.faults.chaos.oracle import Oracle
from tests.faults.chaos.posts import Post
from tests.faults.chaos.recovery import (
    LOST_LEASES,
    SUCCESSES,
    WAITS,
    of_bells,
    of_progress,
    of_workers,
    slowest,
    slowest_of_workers,
    summary,
)
from tests.faults.chaos.report import Report
from tests.faults.chaos.stage import Stage
from tests.faults.invariants import STORED

# what a worker says of a result that it did not write, and of one that the database did not take
DROPPED, REJECTED = "dropped: the job is no longer this worker's", "rejected: somebody else changed the job"
TAGS = "SELECT metadata->>'tag', count(*) FROM executions GROUP BY 1"
ENDED = """
SELECT kind || ' ' || status, count(*) FROM (
    SELECT 'execution' AS kind, status FROM executions UNION ALL SELECT 'image_task', status FROM image_tasks) j
GROUP BY 1 ORDER BY 1"""
ERRORS = """
SELECT kind || ' ' || error_code, count(*) FROM (
    SELECT 'execution' AS kind, error_code, status FROM executions
    UNION ALL SELECT 'image_task', error_code, status FROM image_tasks) j
WHERE upper(status) = 'FAILED' GROUP BY 1 ORDER BY 2 DESC"""


async def tell_faults(report: Report, nemesis: Nemesis) -> None:
    report.faults = len(nemesis.done)
    report.faults_by_name = dict(sorted(Counter(one.fault.name for one in nemesis.done).items()))
    report.faults_not_done = dict(Counter(f"{fault.name}: {why[:200]}" for fault, why in nemesis.failed))


async def tell_requests(report: Report, stage: Stage) -> None:
    """Executions by their tags, pictures by the ids that were answered."""
    journal = stage.load.journal
    stored = Counter(dict(await _pairs(stage, TAGS)))
    unknown = {tag for key in journal.unknown() for tag in tags(key, *journal.asked[key])}
    asked = {tag for key, (kind, jobs) in journal.asked.items() for tag in tags(key, kind, jobs)}
    report.jobs_attempted = journal.jobs(list(journal.asked))
    report.jobs_acknowledged = len(journal.promised)
    report.refused = journal.jobs(list(journal.refused))
    report.unknown = journal.jobs(journal.unknown())
    report.recovered_unknown = sum(tag in stored for tag in unknown)
    report.duplicated = sum(times - 1 for times in stored.values())
    report.unexpected = sum(tag not in asked for tag in stored)
    report.answers = {str(status): times for status, times in sorted(journal.statuses.items())}


async def tell_recovery(report: Report, stage: Stage, nemesis: Nemesis) -> None:
    losses = {pid: at for post in stage.posts.values() for pid, at in post.losses.items()}
    lost = await stage.fetch(LOST_LEASES)
    workers = of_workers(lost, losses, stage.lease)
    bells = of_bells(await stage.fetch(WAITS), nemesis.done)
    successes = [row[0] for row in await stage.fetch(SUCCESSES)]
    report.recovery = {
        "worker": {**summary(workers), "slowest": slowest_of_workers(lost, losses, stage.lease)},
        "bell": summary(bells),
        "progress": {**summary(of_progress(successes, nemesis.done)), "slowest": slowest(successes, nemesis.done)},
    }
    of_them = report.recovery["worker"]
    report.recovery_p50_s, report.recovery_p99_s = of_them["p50_s"], of_them["p99_s"]
    report.recovery_max_s = of_them["max_s"]


async def tell_state(report: Report, stage: Stage) -> None:
    report.ended = dict(await _pairs(stage, ENDED))
    report.errors = dict(await _pairs(stage, ERRORS))
    report.deaths = dict(sorted(sum((_deaths(post) for post in stage.posts.values()), Counter[str]()).items()))
    report.starts = {post.name: summary(post.starts) for post in stage.posts.values()}
    said = [process.said() for process in stage.site.processes]
    report.superseded_results_dropped = sum(text.count(DROPPED) for text in said)
    report.superseded_results_rejected = sum(text.count(REJECTED) for text in said)


async def tell_oracle(report: Report, oracle: Oracle) -> None:
    report.checks = oracle.checks
    report.lost = len(oracle.found.get(STORED, ()))
    doubled = sum(len(rows) for invariant, rows in oracle.found.items() if invariant.number in {"I8", "I10"})
    report.duplicated_effects = doubled + report.duplicated
    report.violations = oracle.violations + report.duplicated + report.unexpected
    report.broken = {invariant: rows[:20] for invariant, rows in oracle.found.items()}


def _deaths(post: Post) -> Counter[str]:
    role = post.name.partition("-")[0]
    return Counter({f"{role} {how}": times for how, times in post.deaths.items()})


async def _pairs(stage: Stage, sql: str) -> list[tuple[Any, int]]:
    return [(row[0], row[1]) for row in await stage.fetch(sql)]
