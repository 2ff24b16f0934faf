"""Executions: a language model answers a prompt. The table and the machine."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, Numeric, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from milepost.db.tables import FILLFACTOR, Base, Moment, TrackedJob, tracked_checks, tracked_indexes
from milepost.domain.machine import Phase, StateMachine, common_edges

MACHINE = StateMachine(
    kind="execution",
    phases={
        "PENDING": Phase.QUEUED,
        "RUNNING": Phase.RUNNING,
        "COMPLETED": Phase.SUCCEEDED,
        "FAILED": Phase.FAILED,
        "CANCELLED": Phase.CANCELLED,
    },
    edges=common_edges(
        queued="PENDING",
        running=("RUNNING",),
        succeeded="COMPLETED",
        failed="FAILED",
        cancelled="CANCELLED",
        timed_out="FAILED",
    ),
    queued="PENDING",
    running="RUNNING",
    failed="FAILED",
    cancelled="CANCELLED",
    timed_out="FAILED",
)


class Execution(TrackedJob, Base):
    """One prompt and what became of it."""

    __tablename__ = "executions"
    machine = MACHINE
    __table_args__ = (
        *tracked_checks(MACHINE),
        CheckConstraint("octet_length(prompt) BETWEEN 1 AND 1048576", name="prompt"),
        CheckConstraint("max_tokens BETWEEN 1 AND 200000", name="max_tokens"),
        CheckConstraint("timeout_seconds <= 86400", name="timeout_limit"),
        CheckConstraint("jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 16384", name="metadata"),
        CheckConstraint("octet_length(output) <= 262144", name="output"),
        CheckConstraint("input_tokens >= 0 AND output_tokens >= 0", name="tokens"),
        CheckConstraint(
            "input_tokens IS NULL OR output_tokens IS NULL"
            " OR tokens_used IS NOT DISTINCT FROM input_tokens + output_tokens",
            name="tokens_used",
        ),
        CheckConstraint("octet_length(error_details::text) <= 16384", name="error_details"),
        CheckConstraint("estimated_cost >= 0", name="estimated_cost"),
        *tracked_indexes("executions", MACHINE),
        # hash: names are looked up whole, and a tree of random names costs three times as much at every change
        Index("idx_executions_job_name", "job_name", postgresql_using="hash"),
        Index(
            "ix_executions_retain_until",
            "retain_until",
            postgresql_where=text("retain_until IS NOT NULL AND NOT is_permanent"),
        ),
        {"postgresql_with": FILLFACTOR},
    )

    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    prompt: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(String(100), server_default="claude-sonnet-4-20250514")
    max_tokens: Mapped[int] = mapped_column(Integer, server_default="4096")
    metadata_: Mapped[dict[str, Any] | None] = mapped_column("metadata", JSONB)
    timeout_seconds: Mapped[int] = mapped_column(Integer, server_default="600")
    job_name: Mapped[str] = mapped_column(String(255))
    pod_name: Mapped[str | None] = mapped_column(String(255))
    output: Mapped[str | None] = mapped_column(Text)
    input_tokens: Mapped[int | None] = mapped_column(Integer)
    output_tokens: Mapped[int | None] = mapped_column(Integer)
    tokens_used: Mapped[int | None] = mapped_column(Integer)
    usage_estimated: Mapped[bool] = mapped_column(server_default=text("false"))
    stop_reason: Mapped[str | None] = mapped_column(String(50))
    error_details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    estimated_cost: Mapped[Decimal | None] = mapped_column(Numeric(10, 6))
    resources: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    retain_until: Mapped[datetime | None] = mapped_column(Moment)
    is_permanent: Mapped[bool] = mapped_column(server_default=text("false"))
