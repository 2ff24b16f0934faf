"""What each kind IS: table, machine, request and result models, policies. Kinds never import each other.

A module or package here that has a `KIND` is a kind; nothing else need be edited to add one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from sqlalchemy import MetaData

from milepost.db import people_tables, shared_tables
from milepost.db.tables import Base
from milepost.domain.errors import UnknownKind
from milepost.domain.nearest import nearest_first
from milepost.engine.kind import Kind

# imported for their tables, which the kinds' tables refer to
SHARED = (people_tables, shared_tables)
LONGEST_NAME = 100


@cache
def all_kinds() -> tuple[Kind, ...]:
    """In the order of their names."""
    modules = [import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__)]
    kinds: list[Kind] = [module.KIND for module in modules if hasattr(module, "KIND")]
    return tuple(sorted(kinds, key=lambda kind: kind.name))


def tenant_metadata() -> MetaData:
    """The index of every table in a tenant's database: people's, those that kinds share, each kind's own."""
    all_kinds()
    return Base.metadata


def find_kind(name: str) -> Kind:
    """By name (`image_task`), path (`images`) or one of a path (`image`). Raises UnknownKind."""
    for kind in all_kinds():
        if name in {kind.name, kind.path, kind.path.removesuffix("s")}:
            return kind
    raise unknown_kind(name, [kind.path for kind in all_kinds()])


def unknown_kind(name: str, known: Sequence[str]) -> UnknownKind:
    """Names the known ones, the nearest first."""
    return UnknownKind(kind=name[:LONGEST_NAME], hint=f"Known kinds: {', '.join(nearest_first(name, known))}.")
