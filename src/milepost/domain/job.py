"""A job as read from its table: the columns every kind has as attributes, the kind's own by name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID


class Job:
    """One row of a job table. Cheap to make: nothing is copied or converted."""

    __slots__ = ("kind", "row")

    def __init__(self, kind: str, row: Mapping[str, Any]) -> None:
        self.kind = kind
        self.row = row

    def __getitem__(self, column: str) -> Any:
        return self.row[column]

    def __repr__(self) -> str:
        return f"Job({self.kind} {self.id} v{self.version} {self.status})"

    @property
    def id(self) -> UUID:
        return self.row["id"]

    @property
    def user_id(self) -> UUID | None:
        return self.row["user_id"]

    @property
    def status(self) -> str:
        return self.row["status"]

    @property
    def version(self) -> int:
        return self.row["version"]

    @property
    def attempt(self) -> int:
        return self.row["attempt"]

    @property
    def max_attempts(self) -> int:
        return self.row["max_attempts"]

    @property
    def priority(self) -> int:
        return self.row["priority"]

    @property
    def scheduled_at(self) -> datetime:
        return self.row["scheduled_at"]

    @property
    def deadline_at(self) -> datetime:
        return self.row["deadline_at"]

    @property
    def timeout_seconds(self) -> int:
        return self.row["timeout_seconds"]

    @property
    def started_at(self) -> datetime | None:
        return self.row["started_at"]

    @property
    def claimed_at(self) -> datetime | None:
        return self.row["claimed_at"]

    @property
    def lease_expires_at(self) -> datetime | None:
        return self.row["lease_expires_at"]

    @property
    def lease_owner(self) -> str | None:
        return self.row["lease_owner"]

    @property
    def cancel_requested_at(self) -> datetime | None:
        return self.row["cancel_requested_at"]
