"""People of a tenant: users, their sign-ins, keys and consents."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from milepost.db.tables import NEW_ID, NOW, Base, Moment
from milepost.domain.scopes import SCOPES


class User(Base):
    """A person or service that owns jobs and keys."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role IN ('maker', 'caster', 'operator', 'auditor')", name="role"),
        CheckConstraint("status IN ('active', 'suspended', 'deleted')", name="status"),
        CheckConstraint("(deleted_at IS NOT NULL) = (status = 'deleted')", name="deleted_at"),
        CheckConstraint("email = lower(email)", name="email"),
        CheckConstraint("jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384", name="metadata"),
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


class ApiKey(Base):
    """A hashed API key. The key itself is shown once and stored nowhere."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="name"),
        CheckConstraint("key_hash ~ '^[0-9a-f]{64}$'", name="key_hash"),
        CheckConstraint("scopes <@ ARRAY[" + ", ".join(f"'{scope}'" for scope in SCOPES) + "]::text[]", name="scopes"),
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
