"""What to do about a job that did not end well, by its error code. Codes of every kind only; others speak for themselves."""

from __future__ import annotations

from milepost.domain.job import Job
from milepost.engine.kind import Kind

ADVICE = {
    "TIMEOUT": "An attempt took longer than its limit of {timeout} s. Retry it with a higher limit, or give it less to do.",
    "QUEUE_TIMEOUT": "No worker took it before its deadline. Start workers for {path} (milepost worker {path}), then retry it.",
    "WORKER_LOST": "Its worker died or fell silent at every attempt. Look at the workers' logs and memory, then retry it.",
    "USER_INACTIVE": "Its owner is suspended. Once the owner is active again, retry it.",
}
OTHERWISE = "When the cause is gone, retry it: the same job runs again, and its history goes on."


def advice_for(kind: Kind, job: Job) -> str | None:
    """None where nothing went wrong."""
    code = job["error_code"]
    if code is None:
        return None
    return ADVICE.get(code, OTHERWISE).format(timeout=job.timeout_seconds, path=kind.path)
