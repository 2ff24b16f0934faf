"""The control database: tenants with their wrapped keys, providers, models, prices, and copies of every audit log."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from milepost.db.tables import ACTOR, NAMES, NOW, Moment, Xid8


class ControlBase(DeclarativeBase):
    """The control database's metadata."""

    metadata = MetaData(naming_convention=NAMES)


class Installation(ControlBase):
    """Who we are: one row. Redis is asked for the same id before a worker touches a bell in it."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("only_one", name="only_one"),)
    only_one: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), server_default=text("gen_random_uuid()"))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)


class Tenant(ControlBase):
    """A customer space: one physical database. Rows are never deleted; a deleted tenant stays as a tombstone."""

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint("id ~ '^[a-z0-9_]{1,40}$'", name="id"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name"),
        CheckConstraint("database_url ~ '^(enc:v1:|env:|file:)' OR database_url = 'deleted:'", name="database_url"),
        CheckConstraint("state IN ('creating', 'active', 'restoring', 'deleting', 'deleted')", name="state"),
        CheckConstraint("NOT is_active OR state = 'active'", name="is_active"),
        CheckConstraint("(key_wrapped IS NULL) = (state = 'deleted')", name="key_wrapped"),
        CheckConstraint("(deleted_at IS NOT NULL) = (state = 'deleted')", name="deleted_at"),
        Index("uq_tenants_name", text("lower(name)"), unique=True, postgresql_where=text("state <> 'deleted'")),
        Index("uq_tenants_database_name", "database_name", unique=True, postgresql_where=text("state <> 'deleted'")),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    database_url: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    state: Mapped[str] = mapped_column(Text, server_default="active")
    database_name: Mapped[str] = mapped_column(Text)
    revision: Mapped[str | None] = mapped_column(Text)
    key_wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)
    deleted_at: Mapped[datetime | None] = mapped_column(Moment)


class LlmProvider(ControlBase):
    """A provider of language models."""

    __tablename__ = "llm_providers"
    __table_args__ = (
        CheckConstraint(
            r"api_base_url ~ '^https://' OR api_base_url ~ '^http://(127\.0\.0\.1|localhost|\[::1\])[:/]'",
            name="api_base_url",
        ),
    )
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    display_name: Mapped[str] = mapped_column(Text)
    api_base_url: Mapped[str | None] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))


class LlmModel(ControlBase):
    """A model with its prices in US dollars per 1,000 tokens; NULL means unknown."""

    __tablename__ = "llm_models"
    __table_args__ = (
        UniqueConstraint("model_name"),
        CheckConstraint("model_class IN ('pro', 'standard')", name="model_class"),
        CheckConstraint("cost_per_1k_input_tokens >= 0 AND cost_per_1k_output_tokens >= 0", name="costs"),
        Index("ix_llm_models_active", "provider_id", "model_class", postgresql_where=text("is_active")),
    )
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    provider_id: Mapped[str] = mapped_column(ForeignKey("llm_providers.id", ondelete="RESTRICT"))
    model_name: Mapped[str] = mapped_column(Text)
    model_class: Mapped[str] = mapped_column(Text)
    cost_per_1k_input_tokens: Mapped[Decimal | None] = mapped_column(Numeric(10, 6))
    cost_per_1k_output_tokens: Mapped[Decimal | None] = mapped_column(Numeric(10, 6))
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))


class StepLlmDefault(ControlBase):
    """The default provider and class of model per workflow step."""

    __tablename__ = "step_llm_defaults"
    __table_args__ = (
        CheckConstraint("model_class IN ('pro', 'standard')", name="model_class"),
        Index("ix_step_llm_defaults_provider_id", "provider_id"),
    )
    step: Mapped[str] = mapped_column(Text, primary_key=True)
    provider_id: Mapped[str] = mapped_column(ForeignKey("llm_providers.id", ondelete="RESTRICT"))
    model_class: Mapped[str] = mapped_column(Text)


MIGRATION_STATES = "'planned', 'applied', 'prepared', 'committing', 'committed', 'rolled_back', 'undone', 'undo_failed'"


class TenantMigration(ControlBase):
    """Journal of the migration of many tenants at once."""

    __tablename__ = "tenant_migrations"
    __table_args__ = (
        PrimaryKeyConstraint("batch_id", "tenant_id"),
        UniqueConstraint("batch_id", "position"),
        UniqueConstraint("gid"),
        CheckConstraint(f"state IN ({MIGRATION_STATES})", name="state"),
        CheckConstraint("char_length(error) <= 2000", name="error"),
        Index("ix_tenant_migrations_tenant_id", "tenant_id"),
    )
    batch_id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True))
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenants.id", ondelete="RESTRICT"))
    position: Mapped[int] = mapped_column(Integer)
    from_revision: Mapped[str | None] = mapped_column(Text)
    to_revision: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, server_default="planned")
    gid: Mapped[str | None] = mapped_column(Text)
    locked_ms: Mapped[int | None] = mapped_column(Integer)
    error: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)


class ControlAuditLog(ControlBase):
    """A copy of every tenant's audit rows, which outlives the tenant, and the tenant operations themselves."""

    __tablename__ = "audit_logs"
    __table_args__ = (
        UniqueConstraint("tenant_id", "epoch", "source_id"),
        CheckConstraint("octet_length(details::text) <= 16384", name="details"),
        Index("ix_audit_logs_tenant_id_created_at", "tenant_id", "created_at"),
        Index("ix_audit_logs_xid", "xid", "id", postgresql_where=text("source_id IS NULL")),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    tenant_id: Mapped[str] = mapped_column(Text)
    epoch: Mapped[int] = mapped_column(Integer, server_default="1")
    source_id: Mapped[int | None] = mapped_column(BigInteger)
    user_id: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    resource_type: Mapped[str] = mapped_column(Text)
    resource_id: Mapped[str] = mapped_column(Text)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)
    actor: Mapped[str] = mapped_column(Text, server_default=ACTOR)
    version: Mapped[int | None] = mapped_column(Integer)
    xid: Mapped[int] = mapped_column(Xid8, server_default=text("pg_current_xact_id()"))


class AuditSeal(ControlBase):
    """A signed Merkle seal over a stretch of one log."""

    __tablename__ = "audit_seals"
    __table_args__ = (
        PrimaryKeyConstraint("log_id", "seal_no"),
        CheckConstraint("leaf_count > 0 AND octet_length(leaf_hashes) = 32 * leaf_count", name="leaf_count"),
        CheckConstraint("tree_size = first_leaf + leaf_count", name="tree_size"),
        CheckConstraint("octet_length(root) = 32", name="root"),
    )
    log_id: Mapped[str] = mapped_column(Text)
    seal_no: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(Integer)
    after_id: Mapped[int] = mapped_column(BigInteger)
    xid_from: Mapped[int] = mapped_column(Xid8)
    xid_to: Mapped[int] = mapped_column(Xid8)
    first_leaf: Mapped[int] = mapped_column(BigInteger)
    leaf_count: Mapped[int] = mapped_column(Integer)
    leaf_hashes: Mapped[bytes] = mapped_column(LargeBinary)
    tree_size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[bytes] = mapped_column(LargeBinary)
    frontier: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(Text)
    checkpoint: Mapped[str] = mapped_column(Text)
    sealed_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)
