"""Image tasks: one sticker is drawn. The table and the machine."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from milepost.db.tables import FILLFACTOR, Base, TrackedJob, tracked_checks, tracked_indexes
from milepost.domain.machine import By, Edge, Phase, StateMachine, common_edges

MACHINE = StateMachine(
    kind="image_task",
    phases={
        "pending": Phase.QUEUED,
        "processing": Phase.RUNNING,
        "completed": Phase.SUCCEEDED,
        "failed": Phase.FAILED,
        "cancelled": Phase.CANCELLED,
    },
    edges=(
        *common_edges(
            queued="pending",
            running=("processing",),
            succeeded="completed",
            failed="failed",
            cancelled="cancelled",
            timed_out="failed",
        ),
        Edge("processing", "completed", "cache_hit", By.WORKER),
    ),
    queued="pending",
    running="processing",
    failed="failed",
    cancelled="cancelled",
    timed_out="failed",
)

RESULT_EXAMPLE = {
    "image_id": "5e0c1c8e-6d0a-5d4e-9a57-2f3f0a1f6f11",
    "image_url": "/v1/image_files/" + "0" * 64 + ".png",
    "width": 1134,
    "height": 1134,
    "sha256": "0" * 64,
    "cached": False,
    "duration_ms": 900,
    "seed": 7,
    "tokens": 0,
    "renderer_version": "procedural/1/000000000000",
}


class ImageTask(TrackedJob, Base):
    """One sticker that is wanted, and what became of it."""

    __tablename__ = "image_tasks"
    machine = MACHINE
    __table_args__ = (
        *tracked_checks(MACHINE),
        CheckConstraint("timeout_seconds <= 600", name="timeout_limit"),
        CheckConstraint("status <> 'completed' OR progress = 100", name="progress_completed"),
        CheckConstraint("jsonb_typeof(data) = 'object' AND octet_length(data::text) <= 32768", name="data"),
        CheckConstraint("(result IS NOT NULL) = (status = 'completed')", name="result"),
        CheckConstraint("tokens_used >= 0", name="tokens_used"),
        *tracked_indexes("image_tasks", MACHINE),
        Index("ix_image_tasks_user_status", "user_id", "status"),
        Index(
            "ix_image_tasks_source_image_id",
            "source_image_id",
            postgresql_where=text("source_image_id IS NOT NULL"),
        ),
        {"postgresql_with": FILLFACTOR},
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), doc="Whose it is.")
    timeout_seconds: Mapped[int] = mapped_column(Integer, server_default="120", doc="The limit of one attempt.")
    progress: Mapped[int] = mapped_column(
        Integer, server_default="0", doc="Of the attempt under way, in percent; 100 when it is completed."
    )
    data: Mapped[dict[str, Any]] = mapped_column(JSONB, doc="The request, without what every job has a field for.")
    result: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB,
        info={"example": RESULT_EXAMPLE},
        doc="The picture, where it lies and what it took; null until it is completed.",
    )
    tokens_used: Mapped[int] = mapped_column(
        Integer, server_default="0", doc="Of all attempts, where the renderer counts any."
    )
    # also in data; a column of its own so that the sweep finds who still needs an uploaded picture
    source_image_id: Mapped[UUID | None] = mapped_column(doc="Of the uploaded picture that it is drawn from.")
