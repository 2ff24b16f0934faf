"""Who is calling: the key names its tenant, the user's role bounds its scopes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.types import Scope

from milepost.api.dependencies import Dependencies
from milepost.api.problems import Problem, not_found
from milepost.db.tenants import TenantDatabase
from milepost.domain.job import Job
from milepost.domain.rights import Rights
from milepost.engine.api_keys import KeyRing
from milepost.engine.rates import Allowance, Rates, place_of

# RFC 9110, 11.4: a scheme in any case, blanks, and what it needs
CREDENTIALS = re.compile(rb"[ \t]*(?i:bearer) +([!-~]{1,200})[ \t]*")
# a key's allowance at once is what it may ask in so many seconds
WINDOW = 10


@dataclass(frozen=True, slots=True, eq=False)
class Caller(Rights):
    """`database` is the tenant's; `scopes` are what both the key and the user's role allow."""

    database: TenantDatabase
    key_id: UUID
    user_id: UUID
    role: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        return f"key:{self.key_id}"

    def need(self, *scopes: str) -> None:
        """Raises insufficient-scope unless the caller has one of them."""
        if self.scopes.isdisjoint(scopes):
            raise Problem("insufficient-scope", f"This needs the scope {' or '.join(dict.fromkeys(scopes))}.")

    def must_see(self, job: Job) -> None:
        """Raises not-found for what is another's, byte for byte like what does not exist."""
        if not self.sees(job.user_id):
            raise not_found()

    def must_control(self, job: Job, scope: str = "job:submit") -> None:
        """Raises not-found, or insufficient-scope where the caller may see the job but not change it."""
        self.must_see(job)
        self.need(*self.suffices(job, scope))


class Doorkeeper:
    """Lets in who holds an active key. No query but the key ring's, which remembers for a few seconds."""

    def __init__(self, ring: KeyRing, deps: Dependencies) -> None:
        self._ring = ring
        self._refusals = deps.refusals
        often = deps.limits.requests_per_second
        self._requests = None if often is None else Rates(Allowance("key", often, max(1, round(often * WINDOW))))

    async def caller(self, scope: Scope) -> Caller:
        """Raises what `again` does, and TooOften for a key that uses more than its allowance.

        And for an address that tried too many keys, unless this one was good before.
        """
        key = _bearer(scope)
        if key is None or not self._ring.knows(key):
            self._refusals.check(place_of(scope["client"]))
        caller = await self.again(scope)
        if self._requests is not None:
            self._requests.take(caller.key_id)
        return caller

    async def again(self, scope: Scope) -> Caller:
        """For a request that was let in before, and counts as one: what others try from its address does not end it.

        Raises unauthorized, alike for missing, malformed, unknown, expired and revoked keys; user-inactive,
        tenant-inactive.
        """
        key = _bearer(scope)
        holder = None if key is None else await self._ring.holder(key)
        if holder is None or holder.user_status == "deleted":
            self._refusals.note(place_of(scope["client"]))
            raise unauthorized()
        if holder.user_status != "active":
            raise Problem("user-inactive")
        if not holder.tenant_active:
            raise Problem("tenant-inactive")
        return Caller(holder.database, holder.key_id, holder.user_id, holder.role, holder.scopes)


def unauthorized() -> Problem:
    return Problem("unauthorized", headers={"WWW-Authenticate": "Bearer"})


def _bearer(scope: Scope) -> str | None:
    sent = [value for name, value in scope["headers"] if name == b"authorization"]
    found = CREDENTIALS.fullmatch(sent[0]) if len(sent) == 1 else None
    return None if found is None else found[1].decode()


async def authenticated(request: Request) -> Caller:
    """Raises as `Doorkeeper.caller` does."""
    return await request.app.state.doorkeeper.caller(request.scope)


Authenticated = Annotated[Caller, Depends(authenticated)]
