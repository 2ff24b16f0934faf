"""Proves, row by row, that every job's history is legal, gapless, told once in the audit log, and true of the job."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from milepost.db import proofs
from milepost.db.job_table import JobTable
from milepost.db.proofs import Present, Step, Told
from milepost.db.tenants import TenantDatabase
from milepost.domain.errors import Unreadable
from milepost.domain.machine import Phase, StateMachine
from milepost.engine.guards_check import missing_guards, wrong_edges
from milepost.engine.kind import Kind

T = TypeVar("T", Present, Step, Told)
MOST_NAMED = 100
PROGRESS_EVERY = 10_000


class Wrong(NamedTuple):
    """One thing that does not hold. `version` is None where the job as a whole is meant."""

    kind: str
    job_id: str
    version: int | None
    what: str


@dataclass(slots=True)
class Report:
    """What was walked and what was wrong: the first hundred by name, all by number."""

    jobs: int = 0
    transitions: int = 0
    audit_rows: int = 0
    wrong_count: int = 0
    wrong: list[Wrong] = field(default_factory=list[Wrong])
    guards: list[str] = field(default_factory=list[str])

    @property
    def clean(self) -> bool:
        return not self.wrong_count and not self.guards

    def add(self, wrong: Wrong) -> None:
        self.wrong_count += 1
        if len(self.wrong) < MOST_NAMED:
            self.wrong.append(wrong)


class Case(NamedTuple):
    """All that is known of one job id."""

    job_id: str
    job: Present | None
    steps: list[Step]
    told: list[Told]


def nothing(_: Report) -> None:
    return None


async def verify(
    database: TenantDatabase, kinds: Sequence[Kind], on_progress: Callable[[Report], None] = nothing
) -> Report:
    """Walks every kind, each as it is at one instant, in bounded memory. Raises Unavailable."""
    report = Report(guards=await missing_guards(database, kinds))
    try:
        report.guards += await wrong_edges(database, kinds)
    except Unreadable as error:
        report.guards.append(f"The legal edges were not checked. {error}")
    for kind in kinds:
        try:
            await _walk(database, kind, report, on_progress)
        except Unreadable as error:
            report.guards.append(f"Not all {kind.path} were checked. {error}")
    on_progress(report)
    return report


async def _walk(database: TenantDatabase, kind: Kind, report: Report, on_progress: Callable[[Report], None]) -> None:
    async with proofs.one_moment(database) as connection:
        async for case in _cases(connection, kind.table):
            _count(report, case)
            for wrong in judge(kind.machine, case):
                report.add(wrong)
            if report.jobs % PROGRESS_EVERY == 0:
                on_progress(report)


def _count(report: Report, case: Case) -> None:
    report.jobs += case.job is not None
    report.transitions += len(case.steps)
    report.audit_rows += len(case.told)


async def _cases(connection: object, table: JobTable) -> AsyncIterator[Case]:
    """Merges the three streams, all in the order of the ids."""
    jobs = _Groups(proofs.jobs(connection, table), lambda job: str(job.id))
    steps = _Groups(proofs.steps(connection, table), lambda step: str(step.job_id))
    told = _Groups(proofs.told(connection, table), lambda row: row.resource_id)
    for groups in (jobs, steps, told):
        await groups.begin()
    while keys := [groups.key for groups in (jobs, steps, told) if groups.key is not None]:
        key = min(keys)
        present = await jobs.take(key)
        yield Case(key, present[0] if present else None, await steps.take(key), await told.take(key))


class _Groups(Generic[T]):
    """A stream read one key's rows at a time."""

    def __init__(self, rows: AsyncIterator[T], key_of: Callable[[T], str]) -> None:
        self._rows = rows
        self._key_of = key_of
        self._next: T | None = None
        self.key: str | None = None

    async def begin(self) -> None:
        self._next = await anext(self._rows, None)
        self.key = None if self._next is None else self._key_of(self._next)

    async def take(self, key: str) -> list[T]:
        found: list[T] = []
        while self.key == key and self._next is not None:
            found.append(self._next)
            await self.begin()
        return found


def judge(machine: StateMachine, case: Case) -> Iterator[Wrong]:
    """Everything that is wrong with one job. Pure."""
    for version, what in (*_history(machine, case), *_row(machine, case), *_audit(machine, case)):
        yield Wrong(machine.kind, case.job_id, version, what)


def _history(machine: StateMachine, case: Case) -> Iterator[tuple[int | None, str]]:
    legal, before = machine.pairs(), None
    for number, step in enumerate(case.steps, 1):
        if step.version != number:
            yield step.version, f"version {number} is missing: the history jumps to {step.version}"
            return
        if step.from_status != before:
            yield number, f"begins from {step.from_status}, but the job was {before or 'not there'}"
        if (step.from_status or "", step.to_status) not in legal:
            yield number, f"{step.from_status or '(new)'} to {step.to_status} is no legal edge"
        if before is not None and machine.terminal(before) and not _is_retry(step):
            yield number, f"follows the end {before} and is no retry but {step.reason}"
        before = step.to_status


def _is_retry(step: Step) -> bool:
    """Somebody at a prompt who took the edge gave no reason; the actor says so."""
    return step.actor.startswith("db:") if step.reason is None else step.reason.split(" ")[0] == "retry"


def _row(machine: StateMachine, case: Case) -> Iterator[tuple[int | None, str]]:
    job = case.job
    if job is None:
        return
    if not case.steps:
        yield None, "has no history"
    elif (job.status, job.version) != (case.steps[-1].to_status, len(case.steps)):
        last = case.steps[-1]
        yield (
            job.version,
            f"is {job.status} at version {job.version}, its last transition says {last.to_status} at {last.version}",
        )
    phase = machine.phases.get(job.status)
    if phase is None:
        yield job.version, f"has the unknown status {job.status}"
        return
    if job.ended != phase.terminal:
        yield job.version, f"is {job.status} and finished_at is {'set' if job.ended else 'not set'}"
    if job.leased and phase is not Phase.RUNNING:
        yield job.version, f"is {job.status} and has a lease"


def _audit(machine: StateMachine, case: Case) -> Iterator[tuple[int | None, str]]:
    told = [row for row in case.told if row.version is not None]
    deleted = len(told) < len(case.told)
    if case.job is None:
        if not deleted:
            yield None, "is gone without an audit row of its deletion"
        yield from _gaps(told)
        return
    steps = {step.version: step for step in case.steps}
    seen = set[int | None]()
    for row in told:
        step = steps.get(row.version or 0)
        if step is None:
            yield row.version, "has an audit row and no transition"
        elif row.version in seen:
            yield row.version, "has more than one audit row"
        elif (row.action, row.actor) != (_action(machine, step), step.actor):
            yield row.version, f"was told as {row.action} by {row.actor}, its transition says otherwise"
        elif row.at != step.at:  # one transaction wrote both
            yield row.version, f"was told at {row.at}, its transition says {step.at}"
        elif row.has_details and (row.was, row.attempt, row.reason) != _details(step):
            was, attempt, reason = row.was, row.attempt, row.reason
            yield row.version, f"was told from {was} in attempt {attempt} for {reason}, its transition says otherwise"
        seen.add(row.version)
    for version in steps.keys() - seen:
        yield version, "has no audit row"


def _details(step: Step) -> tuple[str | None, str | None, str | None]:
    return step.from_status, str(step.attempt), None if step.reason is None else step.reason.split(" ")[0]


def _gaps(told: Sequence[Told]) -> Iterator[tuple[int | None, str]]:
    for number, row in enumerate(told, 1):
        if row.version != number:
            yield row.version, f"audit row of version {number} is missing"
            return


def _action(machine: StateMachine, step: Step) -> str:
    return f"{machine.kind}.{'created' if step.version == 1 else step.to_status.lower()}"
