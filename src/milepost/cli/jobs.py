"""`milepost jobs …`: list, show, watch, cancel, retry and explain, over the API."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import typer

from milepost.cli import exits
from milepost.cli.found import AsJson, DataDir, client_of, settings_of
from milepost.cli.job_views import show_job, show_list, show_why
from milepost.cli.moments import moment
from milepost.cli.named import whole_id
from milepost.cli.output import ago, clock, print_json, say
from milepost.cli.terminal import group
from milepost.cli.watching import leaving, watch_job
from milepost.client import Client, Job
from milepost.domain.ids import short_id

T = TypeVar("T")

# a command tells the client's warnings itself
logging.getLogger("milepost.client").addHandler(logging.NullHandler())

JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id, whole or the end of it that lists show.")]
Reason = Annotated[str | None, typer.Option(help="A short note for the job's history.")]
Time = Annotated[str | None, typer.Option(metavar="TIME")]
Version = Annotated[int | None, typer.Option(help="Only if the job is at this version.")]

EVERY_KIND = "jobs"

jobs = group("Look at jobs and control them.")


def register(app: typer.Typer) -> None:
    app.add_typer(jobs, name="jobs")


def with_client(data_dir: Any, work: Callable[[Client], Awaitable[T]]) -> T:
    """Runs `work` with a client of the stack that is found."""
    settings = settings_of(data_dir)

    async def run() -> T:
        async with client_of(settings, patience=10.0) as client:
            return await work(client)

    return asyncio.run(run())


def with_job(data_dir: Any, text: str, work: Callable[[Client, str], Awaitable[T]]) -> T:
    """The same with the id of the job that is meant."""

    async def found(client: Client) -> T:
        return await work(client, await whole_id(client, text))

    return with_client(data_dir, found)


def path_of(kind: str) -> str:
    """Of a kind by any of its names. Raises UnknownKind."""
    if kind == EVERY_KIND:
        return kind
    from milepost.kinds import find_kind  # noqa: PLC0415 - costs more than the rest of the command

    return find_kind(kind).path


@jobs.command("list")
def list_(
    *,
    kind: Annotated[str, typer.Option(help="Of one kind, like: executions")] = EVERY_KIND,
    status: Annotated[list[str] | None, typer.Option(help="In this status; may be repeated.")] = None,
    phase: Annotated[list[str] | None, typer.Option(help="In this phase; may be repeated.")] = None,
    search: Annotated[str | None, typer.Option(help="By an id, whole or short, a name, or a text in it.")] = None,
    error_code: Annotated[str | None, typer.Option(help="With this error.")] = None,
    priority: Annotated[int | None, typer.Option(min=-100, max=100, help="Of this priority.")] = None,
    user_id: Annotated[str | None, typer.Option(help="Of this user.")] = None,
    created_after: Time = None,
    created_before: Time = None,
    finished_after: Time = None,
    finished_before: Time = None,
    sort_by: Annotated[Literal["created_at", "finished_at", "status"] | None, typer.Option()] = None,
    sort_order: Annotated[Literal["desc", "asc"] | None, typer.Option()] = None,
    page: Annotated[int | None, typer.Option(min=1)] = None,
    cursor: Annotated[str | None, typer.Option(help="Go on after an earlier list, by the same filters.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100)] = 20,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List jobs, newest first.

    TIME is like 2026-01-31T08:00:00Z, or how long ago: 90min, 2h, 7d.
    """
    times = {
        "created_after": moment(created_after),
        "created_before": moment(created_before),
        "finished_after": moment(finished_after),
        "finished_before": moment(finished_before),
    }
    path = path_of(kind)
    asked = {
        "status": status,
        "phase": phase,
        "search": search,
        "error_code": error_code,
        "priority": priority,
        "user_id": user_id,
        "sort_by": sort_by,
        "sort_order": sort_order,
        "page": page,
        "cursor": cursor,
        "page_size": limit,
    }
    found = with_client(data_dir, lambda client: client.list(path, **times, **asked))
    if as_json:
        print_json(found)
    else:
        show_list(found, datetime.now(UTC), times)


@jobs.command()
def show(job_id: JobId, *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show one job with its timeline."""
    job = with_job(data_dir, job_id, lambda client, found: client.get(found))
    if as_json:
        print_json(job)
    else:
        show_job(job)


@jobs.command()
def watch(
    job_id: JobId,
    *,
    timeout: Annotated[float | None, typer.Option(help="Give up after so many seconds.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Follow one job to its end. Exits 0 if it succeeded, else 1."""
    with leaving(lambda: job_id, data_dir):
        job = with_job(data_dir, job_id, lambda client, found: watch_job(client, found, quiet=as_json, timeout=timeout))
    if as_json:
        print_json(job)
    end_as(job)


@jobs.command()
def cancel(
    job_id: JobId,
    *,
    reason: Reason = None,
    version: Version = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Cancel a job: at once while it waits, within two heartbeats while it runs."""
    job = with_job(data_dir, job_id, lambda client, found: client.cancel(found, reason=reason, version=version))
    if as_json:
        print_json(job)
    elif job.brief:
        say(f"{job.id} is {job.status}, version {job.version}. This key may not read more.")
    elif job.phase == "cancelled":
        say(f"{short_id(job.id)} is cancelled.")
    elif job.ended:
        say(f"{short_id(job.id)} had ended already: {job.status}.")
    else:
        say(f"{short_id(job.id)} was asked to stop.")


@jobs.command()
def retry(
    job_id: JobId,
    *,
    reason: Reason = None,
    version: Version = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Put a failed or cancelled job back into the queue. One that never began keeps a time that is still ahead."""
    job = with_job(data_dir, job_id, lambda client, found: client.retry(found, reason=reason, version=version))
    if as_json:
        print_json(job)
    else:
        say(f"{short_id(job.id)} is {job.status} again, version {job.version}.")
        if job.scheduled_at and job.updated_at and job.scheduled_at > job.updated_at:
            say(f"It keeps its time: due {ago(job.scheduled_at, datetime.now(UTC))}, at {clock(job.scheduled_at)}.")


@jobs.command()
def why(job_id: JobId, *, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Say why a job is not running."""
    found = with_job(data_dir, job_id, lambda client, found: client.why(found))
    if as_json:
        print_json(found)
    else:
        show_why(found)


def end_as(job: Job) -> None:
    """The exit code of a job's end."""
    if not job.succeeded:
        told = f": {job.error_code} {job.error_message or ''}".rstrip() if job.error_code else ""
        raise exits.Exit(exits.FAILED, f"{short_id(job.id)} is {job.status}{told}.")
