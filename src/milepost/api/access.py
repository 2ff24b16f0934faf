"""Which scopes a route asks for: what lets a caller in, and what the OpenAPI document and the pages say of it, are one value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Depends

from milepost.api.auth import Authenticated, Caller
from milepost.domain.rights import CONTROLS_ALL, READS, SEES_ALL
from milepost.engine.kind import Kind

# whatever needs no key
PUBLIC = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json", "/problems/{slug}"})


@dataclass(frozen=True, slots=True)
class Access:
    """One of `own` or `others` lets a caller in; what is another's takes one of `others`.

    `note` is what else its reader should know.
    """

    own: tuple[str, ...]
    others: tuple[str, ...] = ()
    note: str = ""

    @property
    def any(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.own, *self.others)))

    def check(self, caller: Caller) -> None:
        """Raises insufficient-scope."""
        caller.need(*self.any)

    async def enter(self, caller: Authenticated) -> None:
        self.check(caller)

    def told(self) -> str:
        """In words."""
        own = " or ".join(f"`{scope}`" for scope in self.own)
        others = " or ".join(f"`{scope}`" for scope in self.others)
        parts = [own, f"for what is not your own {others}" if others else "", self.note]
        return "; ".join(part for part in parts if part)


READ = Access(tuple(scope for scope in READS if scope not in SEES_ALL), tuple(s for s in READS if s in SEES_ALL))

# of routes that show what is the caller's own, whoever the caller is
READ_OWN = Access(READS)


def submitting(kind: Kind) -> Access:
    return Access((kind.scope,))


def controlling(kinds: Sequence[Kind], note: str = "") -> Access:
    return Access(tuple(dict.fromkeys(kind.scope for kind in kinds)), (CONTROLS_ALL,), note)


def needing(access: Access) -> list[Any]:
    """For a route's `dependencies`: asked before the route looks at anything."""
    return [Depends(access.enter)]


def access_of(route: Any) -> Access | None:
    """What a route asks for; None for one without a key."""
    dependencies = getattr(route, "dependencies", ())
    found = (getattr(one.dependency, "__self__", None) for one in dependencies)
    return next((access for access in found if isinstance(access, Access)), None)


def check_all(routes: Iterable[Any]) -> None:
    """Raises for a route that neither asks for a scope nor is meant for everybody: it must never be served."""
    for route in routes:
        if access_of(route) is None and route.path not in PUBLIC:
            raise RuntimeError(f"the route {route.path} asks for no scope")
