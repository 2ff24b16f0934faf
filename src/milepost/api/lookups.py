"""What routes about one job begin with: the id in the path, the job behind it, the parameters that are known."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from fastapi import Request

from milepost.api.auth import Caller
from milepost.api.problems import Problem, not_found
from milepost.api.unknown import unknown_parameter
from milepost.api.validation import parameter
from milepost.domain.errors import JobNotFound
from milepost.domain.job import Job
from milepost.engine.kind import Kind
from milepost.engine.read_job import read_job
from milepost.kinds.requests import CANONICAL


def id_in_path(text: str) -> UUID:
    """Only the canonical spelling; any other names nothing."""
    if not CANONICAL.fullmatch(text):
        raise not_found()
    return UUID(text)


async def visible(caller: Caller, kinds: Sequence[Kind], text: str) -> tuple[Kind, Job]:
    """The job of one of these kinds, if it is the caller's or the caller sees everybody's. Raises not-found.

    Whether what is read of it may be told is for the route's own access, which is asked before.
    """
    job_id = id_in_path(text)
    for kind in kinds:
        try:
            job = await read_job(caller.database, kind.table, job_id)
        except JobNotFound:
            continue
        caller.must_see(job)
        return kind, job
    raise not_found()


def only(request: Request, *known: str) -> None:
    """Raises unknown-field for a query parameter that the route does not have."""
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        errors = [{"pointer": parameter([name]), "detail": unknown_parameter(name, known)} for name in unknown[:10]]
        raise Problem("unknown-field", f"{errors[0]['pointer']}: {errors[0]['detail']}.", errors=errors)
