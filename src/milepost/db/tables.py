"""What the tables of the tenant database are made of: names, types, and the columns that every job has."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import UserDefinedType

from milepost.domain.ids import SHORT_DIGITS
from milepost.domain.machine import TERMINAL, Phase, StateMachine

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

NOW = text("now()")
NEW_ID = text("gen_random_uuid()")
ACTOR = text("'db:' || session_user")
Moment = TIMESTAMP(timezone=True)
SHORT_ID = f"right(id::text, {SHORT_DIGITS})"


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class Base(DeclarativeBase):
    """The tenant database: one metadata index of every table."""

    metadata = MetaData(naming_convention=NAMES)


# before the kind's own columns, as a reader of the table expects
tracked = partial(mapped_column, sort_order=-1)


class TrackedJob:
    """The columns every job table has. A kind's class names its `machine` and lists only the rest."""

    __tablename__: str
    machine: StateMachine

    id: Mapped[UUID] = mapped_column(
        PG_UUID(as_uuid=True),
        primary_key=True,
        server_default=NEW_ID,
        sort_order=-3,
        doc="The job's id, a UUIDv7; it never changes.",
    )

    @declared_attr.directive
    @classmethod
    def status(cls) -> Mapped[str]:
        return mapped_column(
            Text, server_default=cls.machine.queued, sort_order=-2, doc="Where it is, in its kind's own words."
        )

    version: Mapped[int] = tracked(Integer, server_default="1", doc="Raised by one at every change of the status.")
    status_reason: Mapped[str | None] = tracked(
        Text, doc="Why it has this status: a code, and the note that came with it."
    )
    status_actor: Mapped[str] = tracked(
        Text,
        server_default=ACTOR,
        doc="Who brought it here: `user:`, `key:`, `worker:`, `maintenance:`, `cli:` or `db:` and a name.",
    )
    attempt: Mapped[int] = tracked(Integer, server_default="0", doc="Which attempt this is; 0 before the first.")
    max_attempts: Mapped[int] = tracked(Integer, server_default="3", doc="After so many attempts it has failed.")
    priority: Mapped[int] = tracked(SmallInteger, server_default="0", doc="Of two that are due, the higher runs first.")
    scheduled_at: Mapped[datetime] = tracked(
        Moment, server_default=NOW, doc="Not before this time; a wait for another attempt moves it."
    )
    lease_owner: Mapped[str | None] = tracked(Text)
    lease_expires_at: Mapped[datetime | None] = tracked(Moment)
    claimed_at: Mapped[datetime | None] = tracked(Moment, doc="When the attempt under way began.")
    cancel_requested_at: Mapped[datetime | None] = tracked(Moment, doc="When it was asked to stop.")
    deadline_at: Mapped[datetime] = tracked(Moment, doc="It fails if it has not ended by then.")
    timeout_seconds: Mapped[int] = tracked(Integer, doc="The limit of one attempt.")
    progress: Mapped[int] = tracked(SmallInteger, server_default="0", doc="Of the attempt under way, in percent.")
    stage: Mapped[str | None] = tracked(Text, doc="What the attempt is at.")
    expected_at: Mapped[datetime | None] = tracked(Moment)
    promised_at: Mapped[datetime | None] = tracked(Moment)
    idempotency_key: Mapped[str | None] = tracked(Text)
    request_digest: Mapped[str | None] = tracked(Text)
    callback_url: Mapped[str | None] = tracked(Text, doc="Where its end was to be told; nothing is sent yet.")
    error_code: Mapped[str | None] = tracked(String(100), doc="What went wrong, for programs.")
    error_message: Mapped[str | None] = tracked(Text, doc="What went wrong, for people.")
    created_at: Mapped[datetime] = tracked(Moment, server_default=NOW, doc="When it was submitted.")
    started_at: Mapped[datetime | None] = tracked(Moment, doc="When its first attempt began.")
    finished_at: Mapped[datetime | None] = tracked(Moment, doc="When it ended; null until then.")
    updated_at: Mapped[datetime] = tracked(
        Moment, server_default=NOW, doc="When anything of it last changed, a heartbeat included."
    )


def in_list(column: str, values: tuple[str, ...]) -> str:
    quoted = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({quoted})"


def tracked_checks(machine: StateMachine) -> tuple[CheckConstraint, ...]:
    """What must hold for a row of any kind, whoever writes it."""
    running = machine.statuses(Phase.RUNNING)
    ended = machine.statuses(*TERMINAL)
    return (
        CheckConstraint(in_list("status", tuple(machine.phases)), name="status"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("octet_length(status_reason) <= 500", name="status_reason"),
        CheckConstraint("attempt >= 0 AND max_attempts BETWEEN 1 AND 100", name="attempts"),
        CheckConstraint("priority BETWEEN -100 AND 100", name="priority"),
        CheckConstraint("progress BETWEEN 0 AND 100", name="progress"),
        CheckConstraint("char_length(stage) <= 64", name="stage"),
        CheckConstraint("timeout_seconds > 0", name="timeout_seconds"),
        CheckConstraint(
            f"num_nulls(lease_owner, lease_expires_at, claimed_at) = 3"
            f" OR (num_nulls(lease_owner, lease_expires_at, claimed_at) = 0 AND {in_list('status', running)})",
            name="lease",
        ),
        CheckConstraint(f"(finished_at IS NOT NULL) = ({in_list('status', ended)})", name="finished_at"),
        CheckConstraint("idempotency_key ~ '^[0-9a-f]{64}$'", name="idempotency_key"),
        CheckConstraint("request_digest ~ '^[0-9a-f]{64}$'", name="request_digest"),
        CheckConstraint("char_length(callback_url) <= 2048", name="callback_url"),
        CheckConstraint("char_length(error_message) <= 2000", name="error_message"),
    )


def tracked_indexes(table: str, machine: StateMachine) -> tuple[Index, ...]:
    """The indexes every job table pays for. docs/decisions tells which named queries each one serves."""
    queued = text(f"status = '{machine.queued}'")
    ended = text(in_list("status", machine.statuses(*TERMINAL)))
    return (
        Index(
            f"uq_{table}_idempotency_key",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index(f"ix_{table}_due", "scheduled_at", "id", postgresql_where=queued),
        Index(f"ix_{table}_waiting_deadline", "deadline_at", postgresql_where=queued),
        Index(f"ix_{table}_leased", "id", postgresql_where=text("lease_owner IS NOT NULL")),
        Index(f"ix_{table}_owner", "user_id", text("created_at DESC"), text("id DESC")),
        Index(f"idx_{table}_created_at", text("created_at DESC"), text("id DESC")),
        Index(
            f"ix_{table}_finished_at",
            text("finished_at DESC NULLS LAST"),
            text("id DESC"),
            postgresql_where=text("finished_at IS NOT NULL"),
        ),
        # hash, as for names; it is asked for whole
        Index(f"ix_{table}_short_id", text(SHORT_ID), postgresql_using="hash"),
        Index(f"idx_{table}_status", "status", text("created_at DESC"), text("id DESC"), postgresql_where=ended),
    )


FILLFACTOR = {"fillfactor": 85}
