"""What the API answers, as frozen values. Fields that a kind alone has are in `columns` unless its class names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self, TypeVar
from uuid import UUID

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})
_IDS = frozenset({"id", "user_id", "job_id", "execution_id", "output_artifact_id"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One recorded change of status: version `version` of the job."""

    id: int
    job_kind: str
    job_id: UUID
    version: int
    from_status: str | None
    to_status: str
    reason: str | None
    actor: str
    attempt: int
    transitioned_at: datetime

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Self:
        kind = answer.get("job_kind", answer.get("kind"))
        return _read(cls, {**answer, "id": int(answer["id"]), "job_kind": kind}, keep_id=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A job's file."""

    id: UUID
    file_name: str
    file_path: str
    file_size: int
    type: str
    status: str
    mime_type: str | None = None
    checksum: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    archived_at: datetime | None = None
    tags: Mapping[str, str] | None = None

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Self:
        return _read(cls, answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job of any kind, as it was when the API answered.

    A key that may not read is told `id`, `kind`, `status` and `version` alone: then `brief` is true, `phase` is empty
    and everything else is at its default.
    """

    id: UUID
    kind: str
    phase: str = ""
    status: str
    version: int
    title: str = ""
    attempt: int = 0
    max_attempts: int = 3
    priority: int = 0
    status_reason: str | None = None
    status_actor: str | None = None
    user_id: UUID | None = None
    scheduled_at: datetime | None = None
    deadline_at: datetime | None = None
    timeout_seconds: int | None = None
    claimed_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    callback_url: str | None = None
    progress: int = 0
    stage: str | None = None
    seconds_left: int | None = None
    late: bool = False
    error_code: str | None = None
    error_message: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime | None = None
    status_transitions: tuple[Transition, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    warnings: tuple[str, ...] = ()
    columns: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    etag: str | None = field(default=None, repr=False, compare=False)
    replayed: bool = field(default=False, compare=False)

    @property
    def brief(self) -> bool:
        return not self.phase

    @property
    def ended(self) -> bool:
        return self.phase in TERMINAL

    @property
    def succeeded(self) -> bool:
        return self.phase == "succeeded"

    @classmethod
    def read(cls, answer: Mapping[str, Any], *, etag: str | None = None, replayed: bool = False) -> Self:
        values = {
            **answer,
            "status_transitions": tuple(Transition.read(row) for row in answer.get("status_transitions") or ()),
            "warnings": tuple(answer.get("warnings") or ()),
            "artifacts": tuple(Artifact.read(row) for row in answer.get("artifacts") or ()),
            "etag": etag,
            "replayed": replayed,
        }
        known = {item.name for item in fields(cls)}
        values["columns"] = {name: value for name, value in answer.items() if name not in known}
        return _read(cls, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution(Job):
    """One prompt for one model, and what became of it. `estimated_cost` is in US dollars; None is unknown."""

    prompt: str = ""
    model: str = ""
    max_tokens: int = 0
    metadata: Mapping[str, Any] | None = None
    job_name: str = ""
    pod_name: str | None = None
    output: str | None = None
    output_artifact_id: UUID | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    tokens_used: int | None = None
    usage_estimated: bool = False
    stop_reason: str | None = None
    error_details: Mapping[str, Any] | None = None
    estimated_cost: float | None = None
    resources: Mapping[str, Any] | None = None
    retain_until: datetime | None = None
    is_permanent: bool = False


KINDS: Mapping[str, type[Job]] = {"execution": Execution}


def read_job(answer: Mapping[str, Any], *, etag: str | None = None, replayed: bool = False) -> Job:
    return KINDS.get(str(answer.get("kind")), Job).read(answer, etag=etag, replayed=replayed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list. `total` is None where counting would take too long."""

    items: tuple[Job, ...]
    page: int | None = None
    page_size: int | None = None
    total: int | None = None
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One server-sent event. Only rows of the history have an `id`, from which a stream resumes."""

    name: str
    data: Mapping[str, Any]
    id: str | None = None

    @property
    def transition(self) -> Transition | None:
        """The row that the event tells of."""
        return Transition.read({**self.data, "id": self.id}) if self.name == "transition" and self.id else None


def _read(cls: type[T], answer: Mapping[str, Any], *, keep_id: bool = False) -> T:
    names = {item.name for item in fields(cls)}  # pyright: ignore[reportArgumentType] - only dataclasses come here
    return cls(**{name: _value(name, value, keep_id) for name, value in answer.items() if name in names})


def _value(name: str, value: Any, keep_id: bool) -> Any:  # noqa: FBT001 - private
    if not isinstance(value, str):
        return value
    if name.endswith("_at") or name == "retain_until":
        return datetime.fromisoformat(value)
    if name in _IDS and not (keep_id and name == "id"):
        return UUID(value)
    return value
