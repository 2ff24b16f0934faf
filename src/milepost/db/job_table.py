"""What the ledger must know of a kind's table: its name, its machine, its columns with their PostgreSQL types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Column, DefaultClause, Integer, Table, TextClause
from sqlalchemy.dialects import postgresql

from milepost.db.tables import TrackedJob
from milepost.domain.machine import StateMachine
from milepost.domain.policy import Policy

DIALECT = postgresql.dialect()
TRACKED = frozenset(column for column in vars(TrackedJob) if not column.startswith("_")) - {"machine"} | {"user_id"}


@dataclass(frozen=True, eq=False)
class JobTable:
    """One kind's table. `edge_sets` holds, per reason code, what the kind adds to that edge: SQL by column.

    Those under `abandoned` are added to every edge by which maintenance ends an attempt. `life_column` holds the
    seconds that a job may live beyond its time of waiting. `policy` is the kind's own; its waits stand in statements.
    """

    table: Table
    machine: StateMachine
    edge_sets: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    life_column: str = "timeout_seconds"
    policy: Policy = field(default_factory=Policy)

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def kind(self) -> str:
        return self.machine.kind

    @cached_property
    def types(self) -> Mapping[str, str]:
        """PostgreSQL type of every column, in table order."""
        return {column.name: column.type.compile(DIALECT) for column in self.table.columns}

    @cached_property
    def own_columns(self) -> tuple[str, ...]:
        """The columns that only this kind has."""
        return tuple(name for name in self.types if name not in TRACKED)

    @cached_property
    def handlers_columns(self) -> frozenset[str]:
        """What a handler may write: the kind's own columns, and how far it is."""
        return frozenset(self.own_columns) | {"progress", "stage"}

    def array_type(self, column: str) -> str:
        """Raises KeyError for a column the table does not have."""
        return f"{self.types[column]}[]"

    @cached_property
    def defaults(self) -> Mapping[str, Any]:
        """What a column of a new row is when nobody says: the constant of its default, else None."""
        return {column.name: _constant(column) for column in self.table.columns}


def _constant(column: Column[Any]) -> Any:
    clause = column.server_default
    given = clause.arg if isinstance(clause, DefaultClause) else None
    if isinstance(given, TextClause):
        return {"true": True, "false": False}.get(given.text)
    return int(given) if isinstance(given, str) and isinstance(column.type, Integer) else given


def as_json(value: Any) -> str | None:
    """A JSONB column's value as the text that array statements take."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
