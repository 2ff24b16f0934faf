"""What all kinds share: legal edges, history, artifacts, audit, webhooks, leaders, the copy of the models."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Identity,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from milepost.db.tables import ACTOR, NEW_ID, NOW, Base, Moment, Xid8, in_list


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
    id: Mapped[int] = mapped_column(
        BigInteger, Identity(always=True), doc="Its place in the history of all jobs: what a stream resumes after."
    )
    job_kind: Mapped[str] = mapped_column(Text, doc="The job's kind.")
    job_id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), doc="The job.")
    version: Mapped[int] = mapped_column(Integer, doc="The job's version from then on.")
    from_status: Mapped[str | None] = mapped_column(Text, doc="The status before; null for the first.")
    to_status: Mapped[str] = mapped_column(Text, doc="The status from then on.")
    reason: Mapped[str | None] = mapped_column(Text, doc="Why: a code, and the note that came with it.")
    actor: Mapped[str] = mapped_column(
        Text, doc="Who: `user:`, `key:`, `worker:`, `maintenance:`, `cli:` or `db:` and a name."
    )
    attempt: Mapped[int] = mapped_column(Integer, server_default="0", doc="The job's attempt at that time.")
    transitioned_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW, doc="When.")


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
        CheckConstraint("jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384", name="metadata"),
        Index("idx_artifacts_execution_id", "job_id"),
        Index("idx_artifacts_status", "status", postgresql_where=text("status = 'UPLOADING'")),
        Index("idx_artifacts_expires_at", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
        {"postgresql_partition_by": "LIST (job_kind)"},
    )
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), server_default=NEW_ID, doc="The file's id.")
    job_kind: Mapped[str] = mapped_column(Text)
    job_id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), doc="Whose file it is.")
    step: Mapped[str | None] = mapped_column(Text)
    file_type: Mapped[str | None] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(String(255), doc="A label, never a path.")
    file_path: Mapped[str] = mapped_column(String(1024), doc="Where it lies in the store.")
    file_size: Mapped[int] = mapped_column(BigInteger, doc="In bytes.")
    mime_type: Mapped[str | None] = mapped_column(String(100), doc="How it is given back.")
    checksum: Mapped[str | None] = mapped_column(String(64), doc="Its SHA-256 in hex; null until it is known.")
    digest: Mapped[str | None] = mapped_column(Text, Computed("checksum", persisted=True))
    type: Mapped[str] = mapped_column(Text, server_default="OTHER", doc="What it is, for people and filters.")
    status: Mapped[str] = mapped_column(
        Text,
        server_default="ACTIVE",
        doc="UPLOADING until its bytes are there; ACTIVE; ARCHIVED, and still readable; DELETED.",
    )
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW, doc="When it was registered.")
    expires_at: Mapped[datetime | None] = mapped_column(Moment, doc="When it is deleted; null: with its job.")
    archived_at: Mapped[datetime | None] = mapped_column(Moment, doc="When it was archived.")
    tags: Mapped[dict[str, str] | None] = mapped_column(JSONB, doc="Texts by name.")
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
