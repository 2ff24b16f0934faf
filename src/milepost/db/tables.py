"""Naming convention, the TrackedJob mixin and the tables that every kind shares (tenant database)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column
from sqlalchemy.types import UserDefinedType

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

    @declared_attr.directive
    def id(cls) -> Mapped[UUID]:
        return mapped_column(PG_UUID(as_uuid=True), primary_key=True, server_default=NEW_ID, sort_order=-3)

    @declared_attr.directive
    def status(cls) -> Mapped[str]:
        return mapped_column(Text, server_default=cls.machine.queued, sort_order=-2)

    version: Mapped[int] = tracked(Integer, server_default="1")
    status_reason: Mapped[str | None] = tracked(Text)
    status_actor: Mapped[str] = tracked(Text, server_default=ACTOR)
    attempt: Mapped[int] = tracked(Integer, server_default="0")
    max_attempts: Mapped[int] = tracked(Integer, server_default="3")
    priority: Mapped[int] = tracked(SmallInteger, server_default="0")
    scheduled_at: Mapped[datetime] = tracked(Moment, server_default=NOW)
    lease_owner: Mapped[str | None] = tracked(Text)
    lease_expires_at: Mapped[datetime | None] = tracked(Moment)
    claimed_at: Mapped[datetime | None] = tracked(Moment)
    cancel_requested_at: Mapped[datetime | None] = tracked(Moment)
    deadline_at: Mapped[datetime] = tracked(Moment)
    timeout_seconds: Mapped[int] = tracked(Integer)
    progress: Mapped[int] = tracked(SmallInteger, server_default="0")
    stage: Mapped[str | None] = tracked(Text)
    idempotency_key: Mapped[str | None] = tracked(Text)
    callback_url: Mapped[str | None] = tracked(Text)
    error_code: Mapped[str | None] = tracked(String(100))
    error_message: Mapped[str | None] = tracked(Text)
    created_at: Mapped[datetime] = tracked(Moment, server_default=NOW)
    started_at: Mapped[datetime | None] = tracked(Moment)
    finished_at: Mapped[datetime | None] = tracked(Moment)
    updated_at: Mapped[datetime] = tracked(Moment, server_default=NOW)


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
        Index(f"ix_{table}_owner", "user_id", text("created_at DESC"), "id"),
        Index(f"idx_{table}_created_at", text("created_at DESC"), "id"),
        Index(f"idx_{table}_status", "status", text("created_at DESC"), "id", postgresql_where=ended),
    )


FILLFACTOR = {"fillfactor": 85}


class User(Base):
    """A person or service that owns jobs and keys."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('maker', 'caster', 'operator', 'auditor')", name="role"),
        CheckConstraint("status IN ('active', 'suspended', 'deleted')", name="status"),
        CheckConstraint("(deleted_at IS NOT NULL) = (status = 'deleted')", name="deleted_at"),
        CheckConstraint("email = lower(email)", name="email"),
        CheckConstraint(
            "jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384", name="metadata"
        ),
        UniqueConstraint("clerk_user_id"),
        UniqueConstraint("github_id"),
        UniqueConstraint("email"),
        UniqueConstraint("stripe_customer_id"),
    )
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True, server_default=NEW_ID)
    clerk_user_id: Mapped[str | None] = mapped_column(Text)
    github_id: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    avatar_url: Mapped[str | None] = mapped_column(Text)
    role: Mapped[str] = mapped_column(Text, server_default="caster")
    status: Mapped[str] = mapped_column(Text, server_default="active")
    ccpa_do_not_sell: Mapped[bool] = mapped_column(server_default=text("false"))
    consent_version: Mapped[str | None] = mapped_column(Text)
    consented_at: Mapped[datetime | None] = mapped_column(Moment)
    deleted_at: Mapped[datetime | None] = mapped_column(Moment)
    deletion_reason: Mapped[str | None] = mapped_column(Text)
    stripe_customer_id: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSONB)
    webhook_secret_version: Mapped[int] = mapped_column(Integer, server_default="1")
    webhook_secret_rotated_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)


class Account(Base):
    """A user's identity at a sign-in provider. The three token columns are encrypted at rest."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("provider", "provider_account_id"), Index("ix_accounts_user_id", "user_id"))
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True, server_default=NEW_ID)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    type: Mapped[str] = mapped_column(Text)
    provider: Mapped[str] = mapped_column(Text)
    provider_account_id: Mapped[str] = mapped_column(Text)
    refresh_token: Mapped[str | None] = mapped_column(Text)
    access_token: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[int | None] = mapped_column(BigInteger)
    token_type: Mapped[str | None] = mapped_column(Text)
    scope: Mapped[str | None] = mapped_column(Text)
    id_token: Mapped[str | None] = mapped_column(Text)
    session_state: Mapped[str | None] = mapped_column(Text)


class Session(Base):
    """A browser's sign-in. `session_token` is the SHA-256 of the token that the browser holds."""

    __tablename__ = "sessions"
    __table_args__ = (
        UniqueConstraint("session_token"),
        Index("ix_sessions_user_id", "user_id"),
        Index("ix_sessions_expires", "expires"),
    )
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True, server_default=NEW_ID)
    session_token: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires: Mapped[datetime] = mapped_column(Moment)


SCOPES = ("spell:publish", "cast:invoke", "ops:deploy", "audit:read", "job:submit", "job:read")


class ApiKey(Base):
    """A hashed API key. The key itself is shown once and stored nowhere."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="name"),
        CheckConstraint("key_hash ~ '^[0-9a-f]{64}$'", name="key_hash"),
        CheckConstraint(
            "scopes <@ ARRAY[" + ", ".join(f"'{scope}'" for scope in SCOPES) + "]::text[]", name="scopes"
        ),
        CheckConstraint("status IN ('active', 'revoked')", name="status"),
        CheckConstraint("(revoked_at IS NOT NULL) = (status = 'revoked')", name="revoked_at"),
        UniqueConstraint("key_hash"),
        Index("ix_api_keys_user_id", "user_id"),
    )
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True, server_default=NEW_ID)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(Text)
    key_hash: Mapped[str] = mapped_column(Text)
    key_prefix: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'::text[]"))
    status: Mapped[str] = mapped_column(Text, server_default="active")
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    last_used_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)


class DataTransferConsent(Base):
    """A consent to move personal data across a border. Rows are added, never changed."""

    __tablename__ = "data_transfer_consents"
    __table_args__ = (
        CheckConstraint("transfer_type ~ '^[a-z]{2,8}_[a-z]{2,8}$'", name="transfer_type"),
        CheckConstraint("mechanism IN ('scc', 'adequacy', 'dpf')", name="mechanism"),
        Index("ix_data_transfer_consents_user_id", "user_id"),
    )
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True, server_default=NEW_ID)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    transfer_type: Mapped[str] = mapped_column(Text)
    mechanism: Mapped[str] = mapped_column(Text)
    consented_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)
    consent_version: Mapped[str] = mapped_column(Text)


class LegalTransition(Base):
    """The edges that the guard triggers allow. Filled by migrations from the machines."""

    __tablename__ = "legal_transitions"
    __table_args__ = (PrimaryKeyConstraint("job_kind", "from_status", "to_status"),)
    job_kind: Mapped[str] = mapped_column(Text)
    from_status: Mapped[str] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    to_phase: Mapped[str] = mapped_column(Text)


class StatusTransition(Base):
    """One row per version of every job, written by triggers. Partitioned by kind; `id` is the streams' resume point."""

    __tablename__ = "status_transitions"
    __table_args__ = (
        PrimaryKeyConstraint("job_id", "version", "job_kind"),
        CheckConstraint("version >= 1 AND (from_status IS NULL) = (version = 1)", name="version"),
        Index("ix_status_transitions_id", "id"),
        {"postgresql_partition_by": "LIST (job_kind)"},
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    job_kind: Mapped[str] = mapped_column(Text)
    job_id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True))
    version: Mapped[int] = mapped_column(Integer)
    from_status: Mapped[str | None] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(Text)
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    transitioned_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)


ARTIFACT_TYPES = ("CODE", "DOCUMENT", "IMAGE", "DATA", "LOG", "OTHER")
ARTIFACT_STATUSES = ("UPLOADING", "ACTIVE", "ARCHIVED", "DELETED")


class Artifact(Base):
    """A job's file: checked by size and SHA-256 before it is ACTIVE. Partitioned by kind."""

    __tablename__ = "artifacts"
    __table_args__ = (
        PrimaryKeyConstraint("id", "job_kind"),
        CheckConstraint(in_list("type", ARTIFACT_TYPES), name="type"),
        CheckConstraint(in_list("status", ARTIFACT_STATUSES), name="status"),
        CheckConstraint("file_size >= 0", name="file_size"),
        CheckConstraint("checksum ~ '^[0-9a-f]{64}$'", name="checksum"),
        CheckConstraint("checksum IS NOT NULL OR status NOT IN ('ACTIVE', 'ARCHIVED')", name="checksum_known"),
        CheckConstraint(
            "(job_kind = 'run') = (step IS NOT NULL) AND (job_kind = 'run') = (file_type IS NOT NULL)", name="step"
        ),
        CheckConstraint("jsonb_typeof(tags) = 'object' AND octet_length(tags::text) <= 32768", name="tags"),
        CheckConstraint(
            "jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384", name="metadata"
        ),
        Index("idx_artifacts_execution_id", "job_id"),
        Index("idx_artifacts_status", "status", postgresql_where=text("status = 'UPLOADING'")),
        Index("idx_artifacts_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        {"postgresql_partition_by": "LIST (job_kind)"},
    )
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), server_default=NEW_ID)
    job_kind: Mapped[str] = mapped_column(Text)
    job_id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True))
    step: Mapped[str | None] = mapped_column(Text)
    file_type: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(String(255))
    file_path: Mapped[str] = mapped_column(String(1024))
    file_size: Mapped[int] = mapped_column(BigInteger)
    mime_type: Mapped[str | None] = mapped_column(String(100))
    checksum: Mapped[str | None] = mapped_column(String(64))
    digest: Mapped[str | None] = mapped_column(Text, Computed("checksum", persisted=True))
    type: Mapped[str] = mapped_column(Text, server_default="OTHER")
    status: Mapped[str] = mapped_column(Text, server_default="ACTIVE")
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)
    expires_at: Mapped[datetime | None] = mapped_column(Moment)
    archived_at: Mapped[datetime | None] = mapped_column(Moment)
    tags: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSONB)


class AuditLog(Base):
    """Who did what to which resource. Append-only by triggers and grants."""

    __tablename__ = "audit_logs"
    __table_args__ = (
        CheckConstraint("octet_length(details::text) <= 16384", name="details"),
        Index("ix_audit_logs_xid", "xid", "id"),
        Index("ix_audit_logs_created_at", "created_at", postgresql_using="brin"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    user_id: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    resource_type: Mapped[str] = mapped_column(Text)
    resource_id: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)
    actor: Mapped[str] = mapped_column(Text, server_default=ACTOR)
    version: Mapped[int | None] = mapped_column(Integer)
    xid: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))


class WebhookDelivery(Base):
    """A callback to be sent, written in the transaction of the transition it tells of."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("job_kind", "job_id", "version", "event"),
        CheckConstraint("status IN ('pending', 'delivered', 'dead')", name="status"),
        Index("ix_webhook_deliveries_pending", "next_attempt_at", postgresql_where=text("status = 'pending'")),
    )
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True, server_default=NEW_ID)
    job_kind: Mapped[str] = mapped_column(Text)
    job_id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True))
    version: Mapped[int] = mapped_column(Integer)
    event: Mapped[str] = mapped_column(Text)
    user_id: Mapped[UUID | None] = mapped_column(PG_UUID(as_uuid=True))
    to_status: Mapped[str] = mapped_column(Text)
    to_phase: Mapped[str] = mapped_column(Text)
    occurred_at: Mapped[datetime] = mapped_column(Moment)
    url: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="pending")
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    next_attempt_at: Mapped[datetime | None] = mapped_column(Moment, server_default=NOW)
    last_attempt_at: Mapped[datetime | None] = mapped_column(Moment)
    last_http_status: Mapped[int | None] = mapped_column(Integer)
    last_error: Mapped[str | None] = mapped_column(Text)
    delivered_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)


class Leader(Base):
    """Who leads a duty of maintenance: a fenced lease row, taken and renewed by compare-and-set on `term`."""

    __tablename__ = "leaders"
    duty: Mapped[str] = mapped_column(Text, primary_key=True)
    holder: Mapped[str] = mapped_column(Text)
    term: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime] = mapped_column(Moment)


class LlmModelCopy(Base):
    """The tenant's read-only copy of the control database's models and prices."""

    __tablename__ = "llm_models"
    __table_args__ = (UniqueConstraint("model_name"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    provider_id: Mapped[str] = mapped_column(Text)
    model_name: Mapped[str] = mapped_column(Text)
    model_class: Mapped[str] = mapped_column(Text)
    cost_per_1k_input_tokens: Mapped[Decimal | None] = mapped_column(Numeric(10, 6))
    cost_per_1k_output_tokens: Mapped[Decimal | None] = mapped_column(Numeric(10, 6))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    synced_at: Mapped[datetime] = mapped_column(Moment)

