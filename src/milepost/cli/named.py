"""Which job a person means: by its whole id, or by the short one that lists show. The API takes whole ids alone."""

from __future__ import annotations

from collections.abc import Sequence

from milepost.cli import exits
from milepost.cli.output import clock
from milepost.client import Client, Job
from milepost.domain.errors import JobNotFound
from milepost.domain.ids import read_short

# of one short id; there may be more, and nobody will read them
CANDIDATES = 10


async def whole_id(client: Client, text: str, path: str = "jobs") -> str:
    """Raises JobNotFound, and Exit with the candidates where several jobs share a short id."""
    digits = read_short(text)
    if digits is None:
        return text
    found = (await client.list(path, short_id=digits, page_size=CANDIDATES)).items
    return one_of(digits, {str(job.id): described(job) for job in found})


def one_of(digits: str, candidates: dict[str, str]) -> str:
    """The only whole id. `candidates`: what there is to say of each. Raises JobNotFound, Exit."""
    if not candidates:
        raise JobNotFound(job_id=digits)
    if len(candidates) > 1:
        raise ambiguous(digits, [f"{whole}  {told}" for whole, told in candidates.items()])
    return next(iter(candidates))


def ambiguous(digits: str, lines: Sequence[str]) -> exits.Exit:
    message = f"{len(lines)} ids end in {digits}."
    return exits.Exit(exits.REFUSED, message, hint="Give the whole id of the one that you mean:", lines=lines)


def described(job: Job) -> str:
    created = clock(job.created_at) if job.created_at else ""
    return f"{job.kind} {job.status}  {created}  {job.title}"
