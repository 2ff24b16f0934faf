"""The dashboard's routes. They stand beside the API's in one application; what neither has is the API's 404."""

from __future__ import annotations

import re
from typing import Any

from starlette.routing import Match, Route
from starlette.types import Scope

from milepost.dashboard import assets
from milepost.dashboard.control import Control
from milepost.dashboard.desk import Desk
from milepost.dashboard.doors import Doors
from milepost.dashboard.files import Files
from milepost.dashboard.job import One
from milepost.dashboard.jobs import Jobs
from milepost.dashboard.live import Live
from milepost.dashboard.overview import Overview
from milepost.dashboard.signing import Signing


class PageRoute(Route):
    """Tells who counts requests which route it was."""

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        # a pattern's `$` also stands before a last line feed
        self.path_regex = re.compile(self.path_regex.pattern.removesuffix("$") + r"\Z")

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child = super().matches(scope)
        return match, {**child, "route": self} if match is not Match.NONE else child


def routes(desk: Desk) -> list[Route]:
    doors = Doors(desk)
    overview, jobs, one = Overview(desk), Jobs(desk), One(desk)
    live, control, files, signing = Live(desk, doors), Control(desk), Files(desk), Signing(desk)
    return [
        _get("/", doors.reading(overview.page)),
        _get("/jobs", doors.reading(jobs.page)),
        _get("/jobs/{job_id}", doors.reading(one.page)),
        _post("/jobs/{job_id}/cancel", doors.acting(control.cancel)),
        _post("/jobs/{job_id}/retry", doors.acting(control.retry)),
        _get("/jobs/{job_id}/picture", doors.reading(files.drawn)),
        _get("/artifacts/{artifact_id}", doors.reading(files.download)),
        _get("/artifacts/{artifact_id}/picture", doors.reading(files.picture)),
        _get("/live/overview", live.stream(overview.view)),
        _get("/live/jobs", live.stream(jobs.view)),
        _get("/live/jobs/{job_id}", live.stream(one.view)),
        _get("/sign-in", doors.open(signing.ask)),
        _post("/sign-in", doors.open(signing.come_in)),
        _post("/sign-out", doors.acting(signing.leave)),
        *(_get(f"/static/{{digest}}/{name}", assets.serving(asset)) for name, asset in assets.ASSETS.items()),
        _get("/favicon.ico", assets.icon),
    ]


def _get(path: str, endpoint: Any) -> Route:
    return PageRoute(path, endpoint, methods=["GET"], include_in_schema=False)


def _post(path: str, endpoint: Any) -> Route:
    return PageRoute(path, endpoint, methods=["POST"], include_in_schema=False)
