"""Cancel and retry, by the engine's own verbs. The form names the version it was made for."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from milepost.dashboard.desk import Desk
from milepost.dashboard.doors import Visit
from milepost.dashboard.forms import number_in, reason_in
from milepost.dashboard.job import One
from milepost.dashboard.refusals import Refused
from milepost.domain.job import Job
from milepost.domain.machine import Phase
from milepost.engine.cancel import cancel
from milepost.engine.kind import Kind
from milepost.engine.retry import retry

LONGEST_ATTEMPT = 86_400
HIGHEST_VERSION = 2**31 - 1


class Control:
    """The two forms of a job's page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._one = One(desk)

    async def cancel(self, visit: Visit, form: Mapping[str, str]) -> Response:
        kind, job = await self._controlled(visit)
        done = await cancel(
            visit.viewer.database, kind, job.id, actor=visit.viewer.actor, note=reason_in(form),
            expected_version=number_in(form, "version", HIGHEST_VERSION),
        )  # fmt: skip
        return _back(job, "asked" if kind.phase(done) is Phase.RUNNING else "cancel")

    async def retry(self, visit: Visit, form: Mapping[str, str]) -> Response:
        kind, job = await self._controlled(visit)
        done = await retry(
            visit.viewer.database, kind, job.id, self._desk.ringer, actor=visit.viewer.actor, note=reason_in(form),
            timeout_seconds=number_in(form, "timeout_seconds", LONGEST_ATTEMPT),
            expected_version=number_in(form, "version", HIGHEST_VERSION),
        )  # fmt: skip
        return _back(job, "later" if done.scheduled_at == job.scheduled_at else "retry")

    async def _controlled(self, visit: Visit) -> tuple[Kind, Job]:
        """Raises Refused."""
        kind, whole = await self._one.find(visit.viewer, visit.request.path_params["job_id"])
        if not visit.viewer.controls(whole.job, kind.scope):
            scopes = " or ".join(dict.fromkeys(visit.viewer.suffices(whole.job, kind.scope)))
            raise Refused(403, "You may look, but not touch", f"This needs a key with the scope {scopes}.")
        return kind, whole.job


def _back(job: Job, done: str) -> Response:
    return Response(status_code=303, headers={"Location": f"/jobs/{job.id}?done={done}"})
