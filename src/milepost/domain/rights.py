"""What somebody may see and change: their own jobs, or everybody's."""

from __future__ import annotations

from uuid import UUID

from milepost.domain.job import Job

# each lets its holder read, at the API as on pages
READS = ("job:read", "audit:read", "ops:deploy")
SEES_ALL = frozenset({"audit:read", "ops:deploy"})
CONTROLS_ALL = "ops:deploy"


class Rights:
    """Of whoever has a user and scopes; `scopes` are what both the key and the user's role allow."""

    __slots__ = ()
    user_id: UUID
    scopes: frozenset[str]

    @property
    def owner(self) -> UUID | None:
        """The only user whose jobs are shown; None = everybody's."""
        return self.user_id if self.scopes.isdisjoint(SEES_ALL) else None

    @property
    def reads(self) -> bool:
        return not self.scopes.isdisjoint(READS)

    def sees(self, user_id: UUID | None) -> bool:
        """What belongs to that user."""
        return self.owner is None or user_id == self.user_id

    def suffices(self, job: Job, scope: str) -> tuple[str, ...]:
        """The scopes of which each lets change the job. `scope`: what the job's kind asks of its owner."""
        return (scope, CONTROLS_ALL) if job.user_id == self.user_id else (CONTROLS_ALL,)

    def controls(self, job: Job, scope: str) -> bool:
        return not self.scopes.isdisjoint(self.suffices(job, scope))
