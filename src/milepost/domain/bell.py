"""A wake-up: look at that job, at that version, from that time on. Harmless when lost, doubled, late or forged."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Bell(NamedTuple):
    """`due_at` None means now. Higher `priority` is taken first among due bells."""

    tenant: str
    kind: str
    job_id: UUID
    version: int
    priority: int = 0
    due_at: datetime | None = None
