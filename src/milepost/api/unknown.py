"""A field or a parameter that there is not: what its sender may have meant, and which there are."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel
from pydantic.alias_generators import to_snake

from milepost.api.pointers import field_named, names_of
from milepost.db.job_table import TRACKED
from milepost.domain.nearest import nearest

OWN = TRACKED | {"kind", "phase"}


def unknown_field(name: str, model: type[BaseModel] | None) -> str:
    """A sentence without its end. `model` is that of the object in which the field stood; None: nobody knows."""
    if model is None:
        return "there is no such field"
    if field_named(model, name) is not None:
        return "is given by another of its names too"
    spellings = {
        spelling: names_of(model, field)[0] for field in model.model_fields for spelling in names_of(model, field)
    }
    known = list(dict.fromkeys(spellings.values()))
    if to_snake(name) in OWN:
        return f"is the server's own, and no request sets it here. {_list('Fields', known)}"
    near = nearest(name, spellings)
    return f"there is no such field{_meant(near and spellings[near])} {_list('Fields', known)}"


def unknown_parameter(name: str, known: Sequence[str]) -> str:
    if not known:
        return "this route takes no query parameters"
    return f"there is no such parameter{_meant(nearest(name, known))} {_list('Parameters', known)}"


def _meant(near: str | None) -> str:
    return "." if near is None else f"; did you mean {near}?"


def _list(what: str, known: Sequence[str]) -> str:
    return f"{what}: {', '.join(known)}"
