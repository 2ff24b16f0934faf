"""The client: one method per thing a producer or a dashboard wants to do."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx2

from milepost.client import access, paths
from milepost.client.bodies import idempotency_key as checked
from milepost.client.errors import StillOpen
from milepost.client.images import Images
from milepost.client.records import TERMINAL, Event, Job, Page, Transition, read_job
from milepost.client.stream import events
from milepost.client.transport import Patience, Repeat, Transport

logger = logging.getLogger("milepost.client")

LONG_POLL = 25
BATCH = 10_000
NOT_MODIFIED = 304


class Client:
    """Talks to one API with one key. Use it as `async with Client(url, key) as client`.

    Calls that find the server away or busy are repeated for `patience` seconds; a submit carries an idempotency key,
    so that a repeated one is the same job.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience: float = 30.0,
        timeout: float = 30.0,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx2.AsyncClient(
            base_url=access.checked_url(url),
            headers={"Authorization": f"Bearer {access.checked_key(key)}"},
            timeout=timeout,
            transport=transport,
            limits=httpx2.Limits(max_connections=100, max_keepalive_connections=20),
        )
        self._transport = Transport(self._http, Patience(whole=patience))
        self.images = Images(self._transport)

    @classmethod
    def of_stack(cls, data_dir: str | Path = ".milepost", **options: Any) -> Self:
        """Of the stack that `milepost up` runs in a data folder. Raises NoStack where none runs."""
        return cls(*access.of_stack(data_dir), **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    # -------------------------------------------------------------------------------------------- submit

    async def submit(self, path: str, *, idempotency_key: str | None = None, **request: Any) -> Job:
        """Submits one job: `await client.submit("executions", prompt="…")`.

        A given `idempotency_key` that was used before answers that job, with `replayed` set. What was asked for and
        will not be done stands in the job's `warnings`, and is logged.
        """
        headers = {"Idempotency-Key": checked(idempotency_key)}
        job = _job(await self._transport.call("POST", paths.of_kind(path), json=request, headers=headers))
        _warn(job.warnings)
        return job

    async def submit_many(
        self, path: str, requests: Iterable[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> list[UUID]:
        """Submits many; up to 10,000 at a time are all or nothing. Their ids, in order."""
        key, ids, jobs = checked(idempotency_key), list[UUID](), list(requests)
        for start in range(0, len(jobs), BATCH):
            headers = {"Idempotency-Key": _part_key(key, start) if start else key}
            part = {"jobs": jobs[start : start + BATCH]}
            answer = await self._transport.call(
                "POST", f"{paths.of_kind(path)}:batch", json=part, headers=headers, timeout=120.0
            )
            told = answer.json()
            ids += [UUID(value) for value in told["ids"]]
            _warn(told.get("warnings") or ())
        return ids

    # -------------------------------------------------------------------------------------------- read

    async def get(self, job_id: UUID | str, path: str = "jobs") -> Job:
        return _job(await self._transport.call("GET", paths.of_job(job_id, path)))

    async def wait(self, job_id: UUID | str, *, timeout: float | None = None, path: str = "jobs") -> Job:
        """The job when it has ended. Raises StillOpen after `timeout` seconds."""
        ends = None if timeout is None else time.monotonic() + timeout
        job = await self.get(job_id, path)
        while not job.ended:
            left = LONG_POLL if ends is None else min(LONG_POLL, ends - time.monotonic())
            if left <= 0:
                raise StillOpen(job_id=job_id, status=job.status, seconds=timeout)
            job = await self._changed(job, path, max(1, int(left))) or job
        return job

    async def _changed(self, job: Job, path: str, seconds: int) -> Job | None:
        headers = {"If-None-Match": job.etag} if job.etag else {}
        answer = await self._transport.call(
            "GET", paths.of_job(job.id, path), params={"wait": seconds}, headers=headers, timeout=seconds + 15.0
        )
        return None if answer.status_code == NOT_MODIFIED else _job(answer)

    async def list(self, path: str = "jobs", **filters: Any) -> Page:
        """One page; `filters` are the API's query parameters."""
        given = {name: value for name, value in filters.items() if value is not None}
        answer = (await self._transport.call("GET", paths.of_kind(path), params=given)).json()
        answer["items"] = tuple(read_job(item) for item in answer["items"])
        return Page(**{name: answer.get(name) for name in ("items", "page", "page_size", "total", "next_cursor")})

    async def why(self, job_id: UUID | str) -> dict[str, Any]:
        """Why the job is not running, or what it is doing."""
        return (await self._transport.call("GET", f"{paths.of_job(job_id)}/why")).json()

    async def transitions(self, job_id: UUID | str) -> tuple[Transition, ...]:
        """The job's history, oldest first."""
        return (await self.get(job_id)).status_transitions

    async def summary(self) -> dict[str, Any]:
        """Counts by kind and status, and how the queue is doing."""
        return (await self._transport.call("GET", "/v1/summary")).json()

    # -------------------------------------------------------------------------------------------- control

    async def cancel(self, job_id: UUID | str, *, reason: str | None = None, version: int | None = None) -> Job:
        """Cancelled at once while it waits; asked to stop while it runs."""
        return await self._act(job_id, "cancel", reason, version, "always")

    async def retry(self, job_id: UUID | str, *, reason: str | None = None, version: int | None = None) -> Job:
        """A failed or cancelled job, waiting again; one that never began keeps a `scheduled_at` that is still ahead."""
        return await self._act(job_id, "retry", reason, version, "unless_sent")

    async def _act(self, job_id: UUID | str, verb: str, reason: str | None, version: int | None, repeat: Repeat) -> Job:
        headers = {"If-Match": f'"{version}"'} if version is not None else {}
        request: dict[str, Any] = {"json": {"reason": reason}} if reason else {}
        path = f"{paths.of_job(job_id)}/{verb}"
        return _job(await self._transport.call("POST", path, headers=headers, repeat=repeat, **request))

    # -------------------------------------------------------------------------------------------- watch

    async def watch(
        self, job_id: UUID | str | None = None, *, last_event_id: int | str | None = None, **filters: Any
    ) -> AsyncIterator[Event]:
        """Events as they happen: of one job from its first transition to its end, or of all that `filters` let through.

        A cut line is resumed after the last transition that arrived, so that none is missed. Give `last_event_id` to
        go on where an earlier watch ended.
        """
        if job_id is None:
            async for event in events(self._http, "/v1/events", filters, last_event_id):
                yield event
            return
        version = 1
        async for event in events(self._http, f"{paths.of_job(job_id)}/events", {}, last_event_id or 0):
            if event.name == "snapshot":
                version = max([version, *(job["version"] for job in event.data["jobs"])])
            yield event
            # an end that a retry has undone is no end
            if event.data.get("phase") in TERMINAL and event.data["version"] >= version:
                return


def _part_key(key: str, start: int) -> str:
    """Of a later part of a long list: never too long, and never a key that the caller uses for something else."""
    return hashlib.sha256(f"{key}\x00{start}".encode()).hexdigest()


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        logger.warning("%s", warning)


def _job(answer: httpx2.Response) -> Job:
    return read_job(
        answer.json(),
        etag=answer.headers.get("etag"),
        replayed=answer.headers.get("idempotency-replayed") == "true",
    )
