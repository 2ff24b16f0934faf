"""Scopes of keys and roles of users: what each is for. The one place that says so: checks, help and pages are made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# in the order of the database's CHECK
SCOPES: Mapping[str, str] = {
    "spell:publish": "make, publish and change your own spells (no route asks for it yet)",
    "cast:invoke": "cast spells; read and control your own casts (no route asks for it yet)",
    "ops:deploy": "read and control everybody's jobs, report as a remote runner",
    "audit:read": "read everybody's jobs, and change nothing",
    "job:submit": "submit jobs; cancel, retry, keep longer and give files to your own",
    "job:read": "read your own jobs, their files and pictures, on pages too",
}


@dataclass(frozen=True, slots=True)
class Role:
    """Of a user. `scopes` are those that keys of the role may have; a key may have fewer."""

    meaning: str
    scopes: frozenset[str]


ROLES: Mapping[str, Role] = {
    "maker": Role(
        "makes spells and submits jobs", frozenset({"spell:publish", "cast:invoke", "job:submit", "job:read"})
    ),
    "caster": Role("submits jobs and follows them", frozenset({"cast:invoke", "job:submit", "job:read"})),
    "operator": Role("looks after everybody's jobs", frozenset(SCOPES) - {"spell:publish"}),
    "auditor": Role("looks at everything and touches nothing", frozenset({"audit:read", "job:read"})),
}
ALLOWED: Mapping[str, frozenset[str]] = {name: role.scopes for name, role in ROLES.items()}


def effective_scopes(role: str, scopes: frozenset[str]) -> frozenset[str]:
    """What a key may do now: a demoted user's keys lose scopes at once."""
    return scopes & ALLOWED.get(role, frozenset())


def in_order(scopes: frozenset[str]) -> tuple[str, ...]:
    return tuple(scope for scope in SCOPES if scope in scopes)
