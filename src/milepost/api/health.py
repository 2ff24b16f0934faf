"""/healthz, /readyz and /metrics: is the process alive, can it serve, what does it count. They name no tenant."""

from __future__ import annotations

import asyncio
from asyncio import get_running_loop
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from starlette.responses import Response

from milepost import observe
from milepost.api.answers import JSON
from milepost.api.contract import answer, refused
from milepost.api.dependencies import Dependencies
from milepost.api.problems import Problem
from milepost.api.schemas import text, thing
from milepost.db.about import check_writable
from milepost.db.counts import Tally, tally
from milepost.domain.api_key import DEFAULT_TENANT
from milepost.domain.errors import MilepostError, Unavailable
from milepost.engine.guards_check import missing_guards, wrong_edges
from milepost.engine.kind import Kind

T = TypeVar("T")

# nobody needs a key to ask, so asking often must cost nothing
REMEMBERED = 5.0
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"

ALIVE = thing("A living process.", {"status": text("Always this.", enum=["ok"])})
READY = thing(
    "A process that can serve.",
    {
        "status": text("Always this.", enum=["ok"]),
        "checks": thing(
            "Each part, with `ok` or what is wrong with it; without Redis jobs are accepted and wait.",
            {"database": text("PostgreSQL."), "guards": text("What keeps its rules."), "redis": text("Redis.")},
        ),
    },
)


def routes(deps: Dependencies) -> APIRouter:
    router = APIRouter()
    state = Remembered(lambda: _state(deps), REMEMBERED)
    figures = Remembered(lambda: _figures(deps), REMEMBERED)

    @router.get("/healthz", summary="Whether the process is alive", responses={200: answer("It is.", ALIVE)})
    async def healthz() -> JSON:
        return JSON({"status": "ok"})

    @router.get(
        "/readyz", summary="Whether requests can be served, and what is wrong if not",
        responses={200: answer("They can.", READY), **refused("unavailable")},
    )  # fmt: skip
    async def readyz() -> JSON:
        checks = await state.get()
        if checks["database"] != "ok" or checks["guards"] != "ok":
            wrong = "; ".join(f"{name}: {found}" for name, found in checks.items() if found != "ok")
            raise Problem("unavailable", wrong, headers={"Retry-After": "2"}, checks=checks)
        return JSON({"status": "ok", "checks": checks})

    @router.get(
        "/metrics", summary="Figures in Prometheus' text format", response_class=Response,
        responses={200: answer("The figures.", {"type": "string"}, media_type=EXPOSITION)},
    )  # fmt: skip
    async def metrics() -> Response:
        return Response(observe.exposition() + await figures.get(), media_type=EXPOSITION)

    return router


class Remembered(Generic[T]):
    """An answer that holds for a while; who asks meanwhile gets the same one, and two never ask at once."""

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._until = 0.0
        self._answer: T | None = None
        self._asking = asyncio.Lock()

    async def get(self) -> T:
        async with self._asking:
            if self._answer is None or get_running_loop().time() >= self._until:
                self._answer = await self._ask()
                self._until = get_running_loop().time() + self._seconds
            return self._answer


async def _state(deps: Dependencies) -> dict[str, str]:
    """Each part with `ok` or what is wrong with it. Without Redis jobs are accepted and wait for the reconciler."""
    checks = {"database": "ok", "guards": "ok", "redis": "ok"}
    try:
        database = await deps.databases(DEFAULT_TENANT)
        await check_writable(database)
        problems = [*await missing_guards(database, deps.kinds), *await wrong_edges(database, deps.kinds)]
        checks["guards"] = "; ".join(problems[:5]) or "ok"
    except Unavailable as error:
        checks |= {"database": error.data.get("why", "does not answer"), "guards": "unknown"}
    except (MilepostError, KeyError, OSError, TimeoutError):
        checks |= {"database": "does not answer", "guards": "unknown"}
    try:
        await deps.presence()
    except Unavailable:
        checks["redis"] = "does not answer"
    return checks


async def _figures(deps: Dependencies) -> bytes:
    """What the database and Redis can tell, as gauges."""
    registry = CollectorRegistry()
    up = Gauge("milepost_up", "Whether a server answers.", ("server",), registry=registry)
    try:
        database = await deps.databases(DEFAULT_TENANT)
        await check_writable(database)
        found = [(k, await database.connections.run(lambda c, k=k: tally(c, k.table))) for k in deps.kinds]
        _show_tallies(registry, found)
        up.labels("postgresql").set(1)
    except (MilepostError, KeyError, OSError, TimeoutError):
        up.labels("postgresql").set(0)
    try:
        _show_workers(registry, deps.kinds, await deps.presence())
        up.labels("redis").set(1)
    except Unavailable:
        up.labels("redis").set(0)
    return generate_latest(registry)


def _show_tallies(registry: CollectorRegistry, found: list[tuple[Kind, Tally]]) -> None:
    jobs = Gauge("milepost_jobs", "Jobs, counted up to 10000 a status.", ("kind", "status"), registry=registry)
    more = Gauge("milepost_jobs_more", "1 where there are more than counted.", ("kind", "status"), registry=registry)
    oldest = Gauge("milepost_oldest_due_seconds", "Age of the oldest due job.", ("kind",), registry=registry)
    leases = Gauge("milepost_leases", "Leases on running jobs.", ("kind", "state"), registry=registry)
    failed = Gauge("milepost_failed_last_hour", "Jobs failed in the last hour.", ("kind", "code"), registry=registry)
    for kind, seen in found:
        for status, count in seen.statuses.items():
            jobs.labels(kind.name, status).set(count.count)
            more.labels(kind.name, status).set(count.more)
        oldest.labels(kind.name).set(seen.oldest_due.total_seconds() if seen.oldest_due else 0)
        leases.labels(kind.name, "held").set(seen.leases_held)
        leases.labels(kind.name, "expired").set(seen.leases_expired)
        for code, count in seen.failures.items():
            failed.labels(kind.name, code).set(count)


def _show_workers(registry: CollectorRegistry, kinds: tuple[Kind, ...], present: Any) -> None:
    alive = Counter(kind for worker in present for kind in worker.kinds)
    workers = Gauge("milepost_workers", "Living workers.", ("kind",), registry=registry)
    for kind in kinds:
        workers.labels(kind.name).set(alive[kind.name])
