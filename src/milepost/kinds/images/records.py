"""What image tasks leave behind: the history of pictures, the cache of pictures, the statistics of a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from milepost.db.tables import NEW_ID, NOW, SHORT_ID, Base, Moment

DIGEST = "{0} ~ '^[0-9a-f]{{64}}$'"


class GeneratedImage(Base):
    """A picture that its owner has, kept after the task that drew it is gone."""

    __tablename__ = "generated_images"
    __table_args__ = (
        CheckConstraint(DIGEST.format("sha256"), name="sha256"),
        CheckConstraint("width > 0 AND height > 0", name="size"),
        UniqueConstraint("task_id"),
        Index("ix_generated_images_user_created", "user_id", "created_at", "id"),
        Index("ix_generated_images_sha256", "sha256"),
        Index("ix_generated_images_short_id", text(SHORT_ID), postgresql_using="hash"),
    )
    id: Mapped[UUID] = mapped_column(
        PG_UUID(as_uuid=True), primary_key=True, server_default=NEW_ID, doc="The picture's id."
    )
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), doc="Whose it is.")
    image_url: Mapped[str] = mapped_column(Text, doc="Where its bytes are.")
    prompt: Mapped[str] = mapped_column(Text, doc="What was to be drawn.")
    title: Mapped[str] = mapped_column(Text, doc="The line above the figure.")
    character_name: Mapped[str] = mapped_column(Text, doc="The name below it.")
    attribute: Mapped[str] = mapped_column(Text, doc="As it was asked for.")
    rarity: Mapped[str] = mapped_column(Text, doc="As it was asked for.")
    background_color: Mapped[str] = mapped_column(Text, doc="As it was asked for.")
    source_image_url: Mapped[str | None] = mapped_column(Text, doc="Always null: no picture is fetched yet.")
    effects: Mapped[dict[str, Any]] = mapped_column(JSONB, doc="The light on it, as it was asked for.")
    style: Mapped[dict[str, Any]] = mapped_column(JSONB, doc="The hand that drew it, as it was asked for.")
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW, doc="When it was drawn.")
    task_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("image_tasks.id", ondelete="SET NULL"), doc="The task that drew it; null once that is cleaned up."
    )
    sha256: Mapped[str] = mapped_column(Text, doc="Of its bytes, in hex.")
    renderer_version: Mapped[str] = mapped_column(Text, doc="What drew it.")
    width: Mapped[int] = mapped_column(Integer, doc="In pixels.")
    height: Mapped[int] = mapped_column(Integer, doc="In pixels.")
    cached: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="Whether it had been drawn before and was given again."
    )


class ImageCache(Base):
    """A picture by the digest of everything that it was drawn from."""

    __tablename__ = "image_cache"
    __table_args__ = (
        CheckConstraint(DIGEST.format("prompt_hash"), name="prompt_hash"),
        UniqueConstraint("prompt_hash"),
        Index("ix_image_cache_expires_at", "expires_at"),
        Index("ix_image_cache_user_id", "user_id", postgresql_where=text("user_id IS NOT NULL")),
        Index("ix_image_cache_image_url", "image_url"),
    )
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True, server_default=NEW_ID)
    prompt_hash: Mapped[str] = mapped_column(Text)
    image_url: Mapped[str] = mapped_column(Text)
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSONB)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=NOW)
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))


class UsageStats(Base):
    """What one user's tasks came to on one UTC day. The statistics count ends, not tasks."""

    __tablename__ = "usage_stats"
    __table_args__ = (
        CheckConstraint(
            "image_count >= 0 AND total_tokens >= 0 AND success_count >= 0 AND failure_count >= 0", name="counts"
        ),
        UniqueConstraint("user_id", "date"),
        Index("ix_usage_stats_date", "date"),
    )
    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True, server_default=NEW_ID)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    date: Mapped[date] = mapped_column(Date, doc="The UTC day.")
    image_count: Mapped[int] = mapped_column(Integer, server_default="0", doc="Pictures, drawn or given again.")
    total_tokens: Mapped[int] = mapped_column(Integer, server_default="0", doc="Tokens, where the renderer counts any.")
    success_count: Mapped[int] = mapped_column(Integer, server_default="0", doc="Tasks that were completed.")
    failure_count: Mapped[int] = mapped_column(Integer, server_default="0", doc="Tasks that failed.")
