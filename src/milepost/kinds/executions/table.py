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

    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), doc="Whose it is.")
    prompt: Mapped[str] = mapped_column(Text, doc="What the model was asked; lists show its first 500 characters.")
    model: Mapped[str] = mapped_column(
        String(100), server_default="claude-sonnet-4-20250514", doc="Which model answers."
    )
    max_tokens: Mapped[int] = mapped_column(
        Integer, server_default="4096", doc="The longest answer, in the model's tokens."
    )
    metadata_: Mapped[dict[str, Any] | None] = mapped_column(
        "metadata", JSONB, doc="What its producer gave it to keep."
    )
    timeout_seconds: Mapped[int] = mapped_column(Integer, server_default="600", doc="The limit of one attempt.")
    job_name: Mapped[str] = mapped_column(String(255), doc="A short name, for logs.")
    pod_name: Mapped[str | None] = mapped_column(String(255), doc="Where it runs, or ran last.")
    output: Mapped[str | None] = mapped_column(
        Text, doc="The answer; lists show its first 500 characters. A longer one is an artifact."
    )
    input_tokens: Mapped[int | None] = mapped_column(Integer, doc="Of all attempts.")
    output_tokens: Mapped[int | None] = mapped_column(Integer, doc="Of all attempts.")
    tokens_used: Mapped[int | None] = mapped_column(Integer, doc="Of all attempts, both together.")
    usage_estimated: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="Whether a lost attempt used tokens that nobody could count."
    )
    stop_reason: Mapped[str | None] = mapped_column(String(50), doc="Why the model stopped.")
    error_details: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB, doc="What went wrong, for whoever looks into it."
    )
    estimated_cost: Mapped[Decimal | None] = mapped_column(
        Numeric(10, 6), doc="In US dollars, of all attempts; null where no price is known."
    )
    resources: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB, doc="What a runner in its own process or pod should get."
    )
    retain_until: Mapped[datetime | None] = mapped_column(Moment, doc="Kept until then; null: 30 days after its end.")
    is_permanent: Mapped[bool] = mapped_column(server_default=text("false"), doc="Never cleaned up.")
