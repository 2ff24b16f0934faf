"""What can go wrong between a client and the API.

MilepostError
├── ApiError       the API refused; `slug` names the problem
│   └── NoSuchKind    there is no such kind of job; its hint names those that there are (also an UnknownKind)
├── StillOpen      a job did not end within the time the caller gave it
├── Unsendable     what was given fits into no request
├── ConfigurationError
│   └── NoStack       no stack runs in the folder that was named
└── Unavailable
    └── Unreachable   no answer at all, or a server that is not ready, after all tries
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from milepost.domain.errors import ConfigurationError, MilepostError, Unavailable, UnknownKind


class ApiError(MilepostError):
    """A problem document as an exception: `status`, `slug`, `title`, `detail`, and all of it in `problem`."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        self.slug = str(problem.get("type", "")).rsplit("/", 1)[-1] or "unknown"
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail") or self.title or f"HTTP {status}")
        super().__init__(f"{self.detail} ({self.slug})", hint=_hint(problem, self.detail))


class NoSuchKind(ApiError, UnknownKind):
    """The API has no such kind."""


class NoStack(ConfigurationError):
    """There is no note of a running stack."""

    message = "No stack runs in {folder}."
    hint = (
        "Start one with 'milepost up --data-dir' and that folder, name the folder of one that runs:"
        " Client.of_stack('elsewhere/.milepost'), or give address and key: Client('http://…', 'sk_…')."
    )


class StillOpen(MilepostError):
    """The wait is over and the job is not."""

    message = "Job {job_id} is still {status} after {seconds} s."


class Unsendable(MilepostError):
    """Nothing was sent, and nothing would change by trying again."""

    message = "The request cannot be sent: {reason}."


class Unreachable(Unavailable):
    """The API did not answer."""

    message = "The API at {url} does not answer: {reason}."
    hint = "Is the stack running? 'milepost doctor' looks."


def _hint(problem: Mapping[str, Any], detail: str) -> str | None:
    """The faults that the detail does not name already."""
    errors: list[Mapping[str, Any]] = problem.get("errors") or []
    told = [f"{error.get('pointer', '')}: {error.get('detail', '')}" for error in errors[:5]]
    return "; ".join(fault for fault in told if fault not in detail) or None
