"""Where in a request something is wrong: in the spelling that was sent, or by the field's own name where it is missing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from types import NoneType
from typing import Any, cast, get_args

from pydantic import AliasChoices, BaseModel

LONGEST_PART = 100
Location = Sequence[int | str]


class Sent:
    """A body as it was sent, and the model that reads it."""

    def __init__(self, model: type[BaseModel], raw: bytes) -> None:
        self.model = model
        self._raw = raw

    def pointer(self, location: Location) -> str:
        """RFC 6901. `location` may use any of a field's names; parts that no body has are left out."""
        return "".join(f"/{_escaped(part)}" for part in self._walk(location))

    def respelt(self, pointer: str) -> str:
        """The same for a pointer that code has written by the fields' own names; one that leads nowhere stays."""
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        found = list(self._walk(parts))
        return "".join(f"/{_escaped(part)}" for part in found) if len(found) == len(parts) else pointer

    def _walk(self, location: Location) -> Iterator[str]:
        value: Any = json.loads(self._raw)
        model: type[BaseModel] | None = self.model
        for part in location:
            spelt, model = _step(value, model, part)
            if spelt is None:
                return
            yield str(spelt)
            value = value[spelt] if isinstance(spelt, int) or spelt in value else None


def model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model of the object that the location leads to."""
    found: type[BaseModel] | None = model
    for part in location:
        if isinstance(part, str):
            found = _model_of(found, part)
    return found


def names_of(model: type[BaseModel], name: str) -> tuple[str, ...]:
    """Every spelling that a request may use for a field, the one that answers and pages use first."""
    alias = model.model_fields[name].validation_alias
    others = alias.choices if isinstance(alias, AliasChoices) else [alias]
    own = (name,) if alias is None or model.model_config.get("populate_by_name") else ()
    return tuple(dict.fromkeys((*own, *(other for other in others if isinstance(other, str)))))


def field_named(model: type[BaseModel], spelling: str) -> str | None:
    """The field that a request may give by this spelling."""
    return next((name for name in model.model_fields if spelling in names_of(model, name)), None)


def _step(
    value: Any, model: type[BaseModel] | None, part: int | str
) -> tuple[int | str | None, type[BaseModel] | None]:
    """How the part is spelt in this value, and the model of what it leads to. None: the value can have no such part."""
    if isinstance(value, list):
        index = int(part) if str(part).isdecimal() else len(cast("list[Any]", value))
        return (index if index < len(cast("list[Any]", value)) else None), model
    if not isinstance(value, dict):
        return None, None
    name = None if model is None else field_named(model, str(part))
    below = None if name is None else _model_of(model, name)
    if part in value or model is None or name is None:
        return (part if part in value else None), below
    spellings = names_of(model, name)
    return next((spelling for spelling in spellings if spelling in value), spellings[0]), below


def _model_of(model: type[BaseModel] | None, spelling: str) -> type[BaseModel] | None:
    name = None if model is None else field_named(model, spelling)
    return None if model is None or name is None else next(_models(model.model_fields[name].annotation), None)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for inner in cast("Iterable[Any]", get_args(annotation)):
        if inner is not NoneType:
            yield from _models(inner)


def _escaped(part: str) -> str:
    return part[:LONGEST_PART].replace("~", "~0").replace("/", "~1")
